// Turns a page of the repository into a page of the site: its links lead to pages of the site, or to sources shown there.
import { existsSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { pages } from './pages.js';

const routes = new Map(pages.map(({ from, to }) => [from, `/${to.replace(/\.md$/, '')}`]));
/** Languages of blocks that the site has no colours for. */
const plainLanguages = /^( *```)(?:haproxy|caddyfile)$/m;
const isOutside = /^(?:[a-z][a-z+.-]*:|#|\/\/)/i;

/** Returns the route of a file that is shown as it is. @param {string} path */
export const sourceRoute = (path) => `/source/${path.replaceAll('.', '-')}`;

/**
 * Returns a page's Markdown for the site, with the files of the repository that it links to.
 *
 * @param {string} root of the repository
 * @param {string} from path of the page
 * @param {string} text
 */
export const convert = (root, from, text) => {
  /** @type {Set<string>} */
  const images = new Set();
  /** @type {Set<string>} */
  const sources = new Set();

  /** @param {string} target */
  const follow = (target) => {
    if (isOutside.test(target)) return target;
    const [path = '', hash] = target.split('#');
    const file = posix.normalize(posix.join(posix.dirname(from), decodeURI(path))).replace(/\/$/, '');
    const route = routes.get(file);
    if (route !== undefined) return hash === undefined ? route : `${route}#${hash}`;
    if (!existsSync(join(root, file))) throw new Error(`${from} links to ${target}, which does not exist`);
    if (/\.(?:png|svg|gif)$/.test(file)) {
      images.add(file);
      return `/${file}`;
    }
    if (statSync(join(root, file)).isDirectory()) throw new Error(`${from} links to the folder ${target}`);
    sources.add(file);
    return sourceRoute(file);
  };

  // Code, in blocks and in lines, keeps its text. A brace pair outside of code would be taken for a template.
  const parts = text.split(/(^ *```.*?^ *```$|`[^`\n]+`)/gms);
  const converted = parts.map((part, at) =>
    at % 2 === 1
      ? part.replace(plainLanguages, '$1txt')
      : part
          .replaceAll(/\]\(<?([^)\s>]+)>?\)/g, (_all, target) => `](${follow(target)})`)
          .replaceAll(/^(\[[^\]]+\]:\s+)(\S+)/gm, (_all, name, target) => name + follow(target))
          .replaceAll('{{', '&#123;&#123;'),
  );
  return { text: converted.join(''), images, sources };
};
