import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { AnyStateMachine } from 'xstate';
import { connectionMachine, linkMachine, namespaceMachine, roomMachine, supervisorMachine } from '../../src/index.js';
import { drawMermaid } from '../../src/inspector/draw.js';

const page = fileURLToPath(new URL('../../docs/machines.md', import.meta.url));
const between = /(?<=<!-- pictures -->\n).*(?=<!-- \/pictures -->)/s;
const renew = 'MUSTER_PICTURES=renew npx vitest run test/inspector/pictures.test.ts';

const charts: readonly (readonly [title: string, sentence: string, machine: AnyStateMachine])[] = [
  [
    'The supervisor',
    'Lets connections in, walks over them, and drains them when the server closes.',
    supervisorMachine,
  ],
  [
    'A connection',
    'Lives from its upgrade to its last byte: first both sides agree, then it is open, and a client that reads too slowly makes it congested.',
    connectionMachine,
  ],
  [
    'A namespace of a connection',
    'Is entered and left by agreement: whoever is asked may refuse, and leaving takes its rooms along.',
    namespaceMachine,
  ],
  [
    'A room of a namespace',
    'Is joined and left likewise, unless its namespace or its connection ends first.',
    roomMachine,
  ],
  [
    'The link to the broker',
    'Gets the broker back when it is lost, with more patience each time; without an exchange there is none.',
    linkMachine,
  ],
];

const pictures = charts
  .map(([title, sentence, machine]) => {
    return `### ${title}\n\n${sentence}\n\n\`\`\`mermaid\n${drawMermaid(machine)}\n\`\`\`\n`;
  })
  .join('\n');

test(`[IN16] the pictures on the page are those of the charts; to renew them: ${renew}`, () => {
  const text = readFileSync(page, 'utf8');
  if (process.env['MUSTER_PICTURES'] === 'renew')
    writeFileSync(
      page,
      text.replace(between, () => `\n${pictures}\n`),
    );
  const shown = between.exec(readFileSync(page, 'utf8'))?.[0].trim();
  expect(shown, `docs/machines.md is not what the machines are. Renew it with: ${renew}`).toBe(pictures.trim());
});
