// Updates the documentation from the last full run: the tables of the page, and the chart among the images.
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { markdown } from './report.js';

/** @param {string} name from the root of the project */
const pathOf = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

export const page = pathOf('docs/performance.md');
export const image = pathOf('docs/images/performance.svg');
export const lastRun = pathOf('bench/results/latest.json');
export const lastChart = pathOf('bench/results/latest.svg');

const begin = '<!-- bench -->';
const end = '<!-- /bench -->';

/**
 * Returns the generated part of the page for a result.
 *
 * @param {import('./result.js').Result} result
 * @returns {string}
 */
export const measured = (result) => `
![The cost of each system, as a multiple of the first of its row](images/performance.svg)

${markdown(result)}
`;

/**
 * Returns the present generated part of a page.
 *
 * @param {string} text
 * @returns {string}
 */
export const between = (text) => parts(text).inside;

/**
 * Returns a page with another generated part.
 *
 * @param {string} text
 * @param {string} inside
 * @returns {string}
 */
export const filled = (text, inside) => {
  const { before, after } = parts(text);
  return `${before}${begin}\n${inside}${end}${after}`;
};

/** @param {string} text */
const parts = (text) => {
  const [before, rest, tooMuch] = text.split(`${begin}\n`);
  const [inside, after, more] = rest?.split(end) ?? [];
  if (
    before === undefined ||
    inside === undefined ||
    after === undefined ||
    tooMuch !== undefined ||
    more !== undefined
  )
    throw new Error(`the page needs ${begin} and ${end} once, in this order`);
  return { before, inside, after };
};

/** Updates the page and the image from the last full run. */
const update = async () => {
  /** @type {import('./result.js').Result} */
  const result = JSON.parse(await readFile(lastRun, 'utf8'));
  await writeFile(page, filled(await readFile(page, 'utf8'), measured(result)));
  await copyFile(lastChart, image);
};

if (process.argv[1] === fileURLToPath(import.meta.url)) await update();
