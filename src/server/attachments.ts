import type { Server as HttpServer } from 'node:http';
import { type Mounted, mount, mountPage, type Page, unmount } from './mount.js';

/** The http servers that one server is attached to. Its pages are served on each. */
export class Attachments {
  readonly #attached = new Set<HttpServer>();
  /** For each page how to remove it from each http server. */
  readonly #pages = new Map<Page, Map<HttpServer, () => void>>();

  /** Creates the attachments of one server, which `mounted` serves. */
  constructor(private readonly mounted: Mounted) {}

  /**
   * Serves a path of an http server, and every page.
   * @throws {Error} when the path is taken.
   */
  attach(http: HttpServer, path: string): void {
    mount(http, path, this.mounted);
    if (!this.#attached.has(http)) for (const [page, ends] of this.#pages) ends.set(http, mountPage(http, page));
    this.#attached.add(http);
  }

  /** Gives the paths of an http server, and those of pages, back to the app. */
  detach(http: HttpServer): void {
    if (!this.#attached.delete(http)) return;
    for (const ends of this.#pages.values()) {
      ends.get(http)?.();
      ends.delete(http);
    }
    unmount(http, this.mounted);
  }

  /** Serves a page on every http server attached, now or later. Returns a function that removes it. */
  serve(page: Page): () => void {
    this.#pages.set(page, new Map(Array.from(this.#attached, (http) => [http, mountPage(http, page)])));
    return () => {
      for (const end of this.#pages.get(page)?.values() ?? []) end();
      this.#pages.delete(page);
    };
  }

  /** Closes every page. */
  closePages(): void {
    for (const page of [...this.#pages.keys()]) page.close();
  }
}
