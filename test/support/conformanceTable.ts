import type { Reporter, TestModule } from 'vitest/node';
import { type PeerName, peers, type Scenario, scenarios } from '../interop/scenarios.js';

/** Which peer plays in a test file. */
const players: readonly (readonly [RegExp, PeerName])[] = [
  [/interop\/neffosjs[^/]*\.test\.ts$/, 'neffos.js'],
  [/interop\/goClient[^/]*\.test\.ts$/, 'Go client'],
  [/interop\/goServer[^/]*\.test\.ts$/, 'Go server'],
  [/(interop\/(raw|frames)|protocol\/|server\/)[^/]*\.test\.ts$/, 'raw'],
];

/** One test that has run. */
export interface Played {
  readonly file: string;
  readonly title: string;
  readonly state: 'passed' | 'failed' | 'skipped' | 'pending';
}

export type Cell =
  | { readonly kind: 'passed'; readonly tests: number }
  | { readonly kind: 'failed' | 'skipped' | 'empty' }
  | { readonly kind: 'without'; readonly why: string };

export interface Line {
  readonly scenario: Scenario;
  readonly cells: Readonly<Record<PeerName, Cell>>;
}

const peerOf = (file: string): PeerName | undefined => players.find(([pattern]) => pattern.test(file))?.[1];
const numbersIn = (title: string): number[] => [...title.matchAll(/#(\d+)\b/g)].map(([, digits]) => Number(digits));

const cellOf = ({ number, without }: Scenario, peer: PeerName, played: readonly Played[]): Cell => {
  const mine = played.filter(({ file, title }) => peerOf(file) === peer && numbersIn(title).includes(number));
  if (mine.some(({ state }) => state === 'failed')) return { kind: 'failed' };
  const tests = mine.filter(({ state }) => state === 'passed').length;
  if (tests > 0) return { kind: 'passed', tests };
  if (mine.length > 0) return { kind: 'skipped' };
  const why = without[peer];
  return why === undefined ? { kind: 'empty' } : { kind: 'without', why };
};

/** The table: which scenario was played by which peer, and how it went. */
export const tabulate = (played: readonly Played[], all: readonly Scenario[] = scenarios): Line[] =>
  all.map((scenario) => ({
    scenario,
    cells: {
      raw: cellOf(scenario, 'raw', played),
      'neffos.js': cellOf(scenario, 'neffos.js', played),
      'Go client': cellOf(scenario, 'Go client', played),
      'Go server': cellOf(scenario, 'Go server', played),
    },
  }));

/** The table as text; a reason stands once, as a footnote. */
export const print = (lines: readonly Line[]): string => {
  const reasons: string[] = [];
  const show = (cell: Cell): string => {
    if (cell.kind === 'passed') return `passed ${cell.tests}`;
    if (cell.kind === 'skipped') return 'peer missing';
    if (cell.kind !== 'without') return cell.kind.toUpperCase();
    if (!reasons.includes(cell.why)) reasons.push(cell.why);
    return `– (${reasons.indexOf(cell.why) + 1})`;
  };
  const rows = lines.map(({ scenario: { number, name }, cells }) => [
    `${number}`.padStart(2),
    name,
    ...peers.map((peer) => show(cells[peer])),
  ]);
  const head = ['', 'scenario', ...peers];
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at]?.length ?? 0)));
  const drawn = [head, ...rows].map((row) =>
    row
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [...drawn, ...reasons.map((why, at) => `(${at + 1}) ${why}`)].join('\n');
};

/** Every peer has played: whatever is empty now is a hole. */
const isWhole = (files: readonly string[]): boolean =>
  files.some((file) => file.includes('/protocol/')) &&
  players.every(([pattern]) => files.some((file) => file.includes('/interop/') && pattern.test(file)));

/** Prints the table at the end of a run in which peers have played; a hole in it fails a whole run. */
export default class ConformanceTable implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const files = modules.map(({ moduleId }) => moduleId);
    if (!files.some((file) => file.includes('/interop/'))) return;
    const played = modules.flatMap(({ moduleId, children }) =>
      [...children.allTests()].map((test) => ({ file: moduleId, title: test.name, state: test.result().state })),
    );
    const lines = tabulate(played);
    console.log(`\nConformance: scenario × peer\n${print(lines)}\n`);
    const holes = lines.filter(({ cells }) => Object.values(cells).some(({ kind }) => kind === 'empty'));
    if (!isWhole(files) || holes.length === 0) return;
    console.error(`not played, and no reason given: ${holes.map(({ scenario }) => scenario.number).join(', ')}`);
    process.exitCode = 1;
  }
}
