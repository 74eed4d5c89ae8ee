// Builds the documentation site from the repository's own pages, after a build: `npm run docs`.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vitepress';
import { writeReference } from './api.js';
import { checkLinks } from './links.js';
import { convert, sourceRoute } from './markdown.js';
import { pages } from './pages.js';

const site = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('..', import.meta.url));
const made = join(site, '.pages');

const listed = new Set(pages.map(({ from }) => from));
for (const name of readdirSync(join(root, 'docs'))) {
  if (name.endsWith('.md') && !listed.has(`docs/${name}`)) throw new Error(`docs/${name} is not in site/pages.js`);
}

/** @param {string} path @param {string} text */
const write = (path, text) => {
  mkdirSync(dirname(join(made, path)), { recursive: true });
  writeFileSync(join(made, path), text);
};

rmSync(made, { recursive: true, force: true });
/** @type {Set<string>} */
const images = new Set(['docs/images/cluster.png', 'docs/images/chat.png']);
/** @type {Set<string>} */
const sources = new Set();
for (const { from, to } of pages) {
  const page = convert(root, from, readFileSync(join(root, from), 'utf8'));
  write(to, page.text);
  for (const image of page.images) images.add(image);
  for (const source of page.sources) sources.add(source);
}
for (const image of images) cpSync(join(root, image), join(made, 'public', image));
for (const source of sources) {
  const code = readFileSync(join(root, source), 'utf8');
  const name = `${sourceRoute(source).slice(1)}.md`;
  write(name, `# ${source}\n\n\`\`\`\`\`${extname(source).slice(1) || 'text'}\n${code}\`\`\`\`\`\n`);
}
cpSync(join(site, 'home.md'), join(made, 'index.md'));
await writeReference(root, join(made, 'api'));
await build(site);

const { checked, broken } = checkLinks(join(site, 'dist'));
for (const link of broken) console.error(`broken link in ${link}`);
console.log(`${checked} links of the site`);
if (broken.length > 0 || checked === 0) process.exitCode = 1;
