import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { OnNativeMessage, Server } from '../../src/index.js';
import { compressed, offered } from '../support/rfc6455/compression.js';
import { closing, pings, reservedBits, unknownOpcodes } from '../support/rfc6455/control.js';
import { fragments } from '../support/rfc6455/fragments.js';
import { framing, others, sizesAndNumbers } from '../support/rfc6455/framing.js';
import { play } from '../support/rfc6455/rawEcho.js';
import { inARow, type RfcCase, reasons } from '../support/rfc6455/rfcCase.js';
import { utf8 } from '../support/rfc6455/utf8.js';

/** The sections, by the numbers that the Autobahn test suite gives them. */
const sections = [
  { section: 1, about: 'framing', rules: '[FR6]', cases: framing() },
  { section: 2, about: 'pings and pongs', rules: '[LM7]', cases: pings() },
  { section: 3, about: 'reserved bits', rules: '[FR11]', cases: reservedBits() },
  { section: 4, about: 'opcodes', rules: '[FR11]', cases: unknownOpcodes() },
  { section: 5, about: 'messages in frames', rules: '[LM7]', cases: fragments() },
  { section: 6, about: 'UTF-8', rules: '[FR11]', cases: utf8() },
  { section: 7, about: 'closing', rules: '[FR11]', cases: closing() },
  { section: 9, about: 'sizes and numbers', rules: '[FR11]', cases: sizesAndNumbers() },
  { section: 10, about: 'others', rules: '[FR11]', cases: others() },
  { section: 12, about: 'compressed messages', rules: '[CP2] [CP4]', cases: compressed() },
  { section: 13, about: 'offers of compression', rules: '[CP1] [CP2]', cases: offered() },
] as const;
const page = readFileSync(new URL('../../docs/conformance.md', import.meta.url), 'utf8');

/** How many clients play at once. */
const atOnce = 40;

describe('RFC 6455, against a server that echoes', () => {
  let plain: number;
  let compressing: number;
  const limits = { payload: 4_194_304 };

  beforeAll(async () => {
    const servers = [
      new Server({
        events: {
          [OnNativeMessage](ns, { body }) {
            ns.conn.write({ isNative: true, body });
          },
        },
        limits,
      }),
      new Server({
        events: {
          [OnNativeMessage](ns, { body }) {
            // Only what is published is compressed.
            ns.conn.server.broadcast(null, { isNative: true, body, to: ns.conn.id });
          },
        },
        limits,
        compression: true,
      }),
    ];
    [plain = 0, compressing = 0] = await Promise.all(servers.map(async (server) => (await server.listen(0)).port));
    return async () => {
      await Promise.all(servers.map((server) => server.close({ timeout: 1_000 })));
    };
  });

  for (const { section, about, rules, cases } of sections)
    it(`${rules} ${section}: ${about}`, { timeout: 60_000 }, async () => {
      const wrong: unknown[] = [];
      const rest = [...cases].values();
      const playAll = async (): Promise<void> => {
        for (const one of rest) {
          const got = inARow(await play(one, one.offers === undefined ? plain : compressing));
          const wanted = inARow(one.differs?.gets ?? one.gets);
          if (got !== wanted) wrong.push({ does: one.does, got, wanted });
        }
      };
      await Promise.all(Array.from({ length: atOnce }, playAll));
      expect(wrong).toEqual([]);
    });
});

/** The rows of a table of the page under a heading, without its head. */
const rowsUnder = (heading: string): string[] => {
  const [, section = ''] = page.split(`\n## ${heading}\n`);
  return (section.split('\n## ', 1)[0]?.match(/^\|.*\|$/gm) ?? []).slice(2);
};

/** What differs once, however its bytes are written. */
const differing = (cases: readonly RfcCase[]): RfcCase[] => {
  const byTitle = new Map(cases.filter(({ differs }) => differs).map((one) => [one.does, one]));
  return [...byTitle.values()];
};

describe('the page', () => {
  it('[FR11] has the number of cases in each section', () => {
    const rows = sections.map(
      ({ section, about, cases }) => `| ${section} | ${about} | ${cases.length} | ${differing(cases).length} |`,
    );
    expect(rowsUnder('What is tested')).toEqual(rows);
  });

  it('[FR11] has every case that differs, and why', () => {
    const said = (frames: readonly string[]): string =>
      frames.map((frame) => frame.replace(/^pong .*/, 'pong')).join(', then ');
    const rows = sections.flatMap(({ section, cases }) =>
      differing(cases).map(({ does, differs }) => {
        const why = differs?.why ?? 'empty';
        const muster = { empty: 'no answer', late: said(differs?.gets ?? []), parts: said(differs?.gets ?? []) }[why];
        return `| ${section} | ${does} | ${muster} | ${reasons[why]} |`;
      }),
    );
    expect(rowsUnder('What differs')).toEqual(rows);
  });
});
