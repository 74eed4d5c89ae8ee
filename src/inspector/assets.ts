import { readFileSync } from 'node:fs';

/** A file of the page. */
export interface Asset {
  /** Its content type. */
  readonly type: string;
  /** Its content. */
  readonly body: Buffer;
}

const script = (path: string) => ({ file: `${path}.js`, type: 'text/javascript; charset=utf-8' });

const files: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '/': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/app.js': script('app'),
  '/badges.js': script('badges'),
  '/drawings.js': script('drawings'),
  '/finder.js': script('finder'),
  '/followed.js': script('followed'),
  '/history.js': script('history'),
  '/overview.js': script('overview'),
  '/stream.js': script('stream'),
  '/view.js': script('view'),
  '/zoom.js': script('zoom'),
  '/style.css': { file: 'style.css', type: 'text/css; charset=utf-8' },
  '/stately': { file: 'stately/stately.html', type: 'text/html; charset=utf-8' },
  '/stately.js': script('stately/stately'),
  '/stately.css': { file: 'stately/stately.css', type: 'text/css; charset=utf-8' },
  '/icon.svg': { file: 'icon.svg', type: 'image/svg+xml' },
};

const read = new Map<string, Asset>();

/**
 * Returns the file of a path below the page's, or `undefined`. Serves listed files only, so no path leads elsewhere.
 */
export const assetAt = (path: string): Asset | undefined => {
  const known = read.get(path);
  const named = Object.hasOwn(files, path) ? files[path] : undefined;
  if (known || !named) return known;
  const asset = { type: named.type, body: readFileSync(new URL(`./page/${named.file}`, import.meta.url)) };
  read.set(path, asset);
  return asset;
};
