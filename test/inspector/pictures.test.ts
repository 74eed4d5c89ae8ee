import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { AnyStateMachine } from 'xstate';
import { connectionMachine, linkMachine, namespaceMachine, roomMachine, supervisorMachine } from '../../src/index.js';
import { draw, drawMermaid } from '../../src/inspector/draw/draw.js';

const docs = fileURLToPath(new URL('../../docs/', import.meta.url));
const page = `${docs}charts.md`;
const between = /(?<=<!-- pictures -->\n).*(?=<!-- \/pictures -->)/s;
const renew = 'MUSTER_PICTURES=renew npx vitest run test/inspector/pictures.test.ts';
const isRenewed = process.env['MUSTER_PICTURES'] === 'renew';

/** The colours of a picture outside a page, in a light and a dark scheme. */
const styleOf = (colours: Readonly<Record<string, string>>): string => {
  const { paper = '', ...inks } = colours;
  const set = Object.entries(inks).map(([ink, colour]) => `--chart-${ink}:${colour}`);
  return `svg{background:${paper};${set.join(';')}}`;
};
const day = styleOf({
  paper: '#fdfdfb',
  line: '#8b918d',
  name: '#161a18',
  event: '#0f6b58',
  guard: '#a8660f',
  action: '#4a524e',
  note: '#69716d',
  tag: '#69716d',
});
const night = styleOf({
  paper: '#161b1a',
  line: '#79827e',
  name: '#eef2f0',
  event: '#5fd0b2',
  guard: '#e5b25c',
  action: '#b6beba',
  note: '#949d99',
  tag: '#949d99',
});
const style = `<style>${day}@media (prefers-color-scheme:dark){${night}}</style>`;
const coloured = (svg: string): string =>
  `${svg.replace(/^<svg [^>]*>/, (tag) => `${tag.replace('role="group"', 'role="img"')}${style}`)}\n`;

const charts: readonly (readonly [title: string, sentence: string, machine: AnyStateMachine])[] = [
  [
    'The supervisor',
    'Admits connections, visits them for `do`, and drains them when the server closes.',
    supervisorMachine,
  ],
  [
    'A connection',
    'Runs from the upgrade to the last byte. The connection opens once both sides agree. A client that reads too slowly makes it congested.',
    connectionMachine,
  ],
  [
    'A namespace of a connection',
    'Connects and disconnects by agreement: the side that is asked can refuse. A disconnect leaves all rooms.',
    namespaceMachine,
  ],
  [
    'A room of a namespace',
    'Joins and leaves by agreement, unless its namespace or connection ends first.',
    roomMachine,
  ],
  [
    'The link to the broker',
    'Reconnects to a lost broker, after a longer wait each time. A server without an exchange has no link.',
    linkMachine,
  ],
];

const nameOf = ({ id }: AnyStateMachine): string => `chart-${id}.svg`;

const pictures = charts
  .map(([title, sentence, machine]) => {
    const shown = `![The chart: ${sentence}](images/${nameOf(machine)})`;
    const text = `\`\`\`mermaid\n${drawMermaid(machine)}\n\`\`\``;
    return `## ${title}\n\n${sentence}\n\n${shown}\n\n<details><summary>As Mermaid</summary>\n\n${text}\n\n</details>\n`;
  })
  .join('\n');

test(`[IN16] the page shows the current charts; to renew it: ${renew}`, () => {
  const text = readFileSync(page, 'utf8');
  if (isRenewed)
    writeFileSync(
      page,
      text.replace(between, () => `\n${pictures}\n`),
    );
  const shown = between.exec(readFileSync(page, 'utf8'))?.[0].trim();
  expect(shown, `docs/charts.md differs from the machines. Renew it with: ${renew}`).toBe(pictures.trim());
});

test.each(charts)(`[IN16] the picture of %s is current; to renew it: ${renew}`, async (_title, _sentence, machine) => {
  const file = `${docs}images/${nameOf(machine)}`;
  const drawn = coloured(await draw(machine));
  if (isRenewed) writeFileSync(file, drawn);
  expect(readFileSync(file, 'utf8') === drawn, `${file} differs from the machine. Renew it with: ${renew}`).toBe(true);
});
