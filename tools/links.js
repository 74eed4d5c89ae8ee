// Each relative link of a page that is published leads to a file that is published.
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pack } from './pack.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const { paths } = pack();
const files = new Set(paths);

/** @param {string} page */
const linksOf = (page) => {
  const prose = readFileSync(root + page, 'utf8').replaceAll(/^ *```.*?^ *```/gms, '');
  const inline = prose.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g);
  const named = prose.matchAll(/^\[[^\]]+\]:\s+(\S+)/gm);
  const html = prose.matchAll(/\b(?:src|href)="([^"]+)"/g);
  return [...inline, ...named, ...html].map(([, target = '']) => target);
};

/** @param {string} path */
const isThere = (path) => files.has(path) || paths.some((file) => file.startsWith(`${path.replace(/\/$/, '')}/`));

const pages = paths.filter((path) => path.endsWith('.md'));
let count = 0;
for (const page of pages) {
  for (const target of linksOf(page)) {
    if (/^(?:[a-z][a-z+.-]*:|#|\/\/)/i.test(target)) continue;
    count++;
    const path = posix.normalize(posix.join(posix.dirname(page), decodeURI(target.replace(/[#?].*$/, ''))));
    if (isThere(path)) continue;
    console.error(`${page} links to ${target}, which is not in the package`);
    process.exitCode = 1;
  }
}
console.log(`${count} relative links of ${pages.length} pages in the package`);
if (count === 0) process.exitCode = 1;
