// Checks each link of the built site: it leads to a page or a file, and its anchor exists there.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/** @param {string} dist */
const htmlFiles = (dist) =>
  readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.html'))
    .map((file) => file.replaceAll('\\', '/'));

/**
 * Returns the links that lead nowhere.
 *
 * @param {string} dist folder of the built site
 * @returns {{ readonly checked: number, readonly broken: readonly string[] }}
 */
export const checkLinks = (dist) => {
  const texts = new Map(htmlFiles(dist).map((file) => [`/${file}`, readFileSync(join(dist, file), 'utf8')]));
  /** @param {string} path */
  const pageOf = (path) => {
    const file = path.endsWith('/') ? `${path}index.html` : path;
    return texts.has(file) ? file : texts.has(`${file}.html`) ? `${file}.html` : undefined;
  };
  /** @param {string} page @param {string} id */
  const hasAnchor = (page, id) => texts.get(page)?.includes(` id="${id}"`) ?? false;

  /** @type {Set<string>} */
  const broken = new Set();
  let checked = 0;
  for (const [page, text] of texts) {
    if (page === '/404.html') continue;
    for (const [, raw = ''] of text.matchAll(/ (?:href|src)="([^"]+)"/g)) {
      if (/^(?:[a-z][a-z+.-]*:|\/\/)/i.test(raw)) continue;
      checked++;
      const [path = '', hash] = raw.replaceAll('&amp;', '&').split('#');
      const target =
        path === ''
          ? page
          : posix.resolve(posix.dirname(page), decodeURI(path)) + (path.endsWith('/') && path !== '/' ? '/' : '');
      const to = path === '' ? page : pageOf(target);
      if (to === undefined ? !existsSync(join(dist, target)) : hash && !hasAnchor(to, decodeURIComponent(hash)))
        broken.add(`${page}: ${raw}`);
    }
  }
  return { checked, broken: [...broken] };
};
