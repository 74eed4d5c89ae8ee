import type { Reporter, TestModule, Vitest } from 'vitest/node';
import { type PeerKind, type Player, players, type Scenario, scenarios } from '../../interop/scenarios.js';

/** The kinds of peer that play in a test file. */
const kinds: readonly (readonly [RegExp, PeerKind])[] = [
  [/interop\/neffosjs[^/]*\.test\.ts$/, 'neffos.js'],
  [/interop\/goClient[^/]*\.test\.ts$/, 'Go client'],
  [/interop\/goServer[^/]*\.test\.ts$/, 'Go server'],
  [/interop\/ourClient[^/]*\.test\.ts$/, 'our client'],
  [/interop\/ourClient[^/]*\.test\.ts$/, 'our client to Go'],
  [/(interop\/(raw|frames)|protocol\/|server\/)[^/]*\.test\.ts$/, 'raw'],
];

/** One test of a run. */
export interface TestRun {
  readonly file: string;
  /** With the names of the suites around it. */
  readonly title: string;
  readonly state: 'passed' | 'failed' | 'skipped' | 'pending';
}

export type Cell =
  | { readonly kind: 'passed'; readonly tests: number }
  | { readonly kind: 'failed' | 'skipped' | 'empty' }
  | { readonly kind: 'without'; readonly why: string };

export interface Line {
  readonly scenario: Scenario;
  /** One for each peer, in their order. */
  readonly cells: readonly Cell[];
}

const notBuilt = 'not built on this machine';

const isOf = (file: string, kind: PeerKind): boolean =>
  kinds.some(([pattern, one]) => one === kind && pattern.test(file));
const numbersIn = (title: string): number[] => [...title.matchAll(/#(\d+)\b/g)].map(([, digits]) => Number(digits));

const of = ({ kind, suite }: Player, played: readonly TestRun[]): readonly TestRun[] =>
  played.filter(({ file, title }) => isOf(file, kind) && title.includes(suite));

const cellOf = ({ number, without }: Scenario, { kind }: Player, all: readonly TestRun[]): Cell => {
  const mine = all.filter(({ title }) => numbersIn(title).includes(number));
  if (mine.some(({ state }) => state === 'failed')) return { kind: 'failed' };
  const tests = mine.filter(({ state }) => state === 'passed').length;
  if (tests > 0) return { kind: 'passed', tests };
  if (mine.length > 0) {
    const isMissing = all.every(({ state }) => state === 'skipped');
    return isMissing ? { kind: 'without', why: notBuilt } : { kind: 'skipped' };
  }
  const why = without[kind];
  return why === undefined ? { kind: 'empty' } : { kind: 'without', why };
};

/** Returns the table of scenarios, peers and results. */
export const tableOf = (played: readonly TestRun[], all: readonly Scenario[] = scenarios): Line[] => {
  const columns = players.map((player) => [player, of(player, played)] as const);
  return all.map((scenario) => ({
    scenario,
    cells: columns.map(([player, tests]) => cellOf(scenario, player, tests)),
  }));
};

/** Returns the scenarios that a peer has not run without a reason. */
export const holesIn = (lines: readonly Line[]): readonly Line[] =>
  lines.filter(({ cells }) => cells.some(({ kind }) => kind === 'empty' || kind === 'skipped'));

/** Returns the table as text, with reasons as footnotes. */
export const print = (lines: readonly Line[]): string => {
  const reasons: string[] = [];
  const show = (cell: Cell): string => {
    if (cell.kind === 'passed') return `passed ${cell.tests}`;
    if (cell.kind !== 'without') return cell.kind.toUpperCase();
    if (!reasons.includes(cell.why)) reasons.push(cell.why);
    return `– (${reasons.indexOf(cell.why) + 1})`;
  };
  const rows = lines.map(({ scenario: { number, name }, cells }) => [
    `${number}`.padStart(2),
    name,
    ...cells.map(show),
  ]);
  const head = ['', 'scenario', ...players.map(({ name }) => name)];
  const widths = head.map((_, at) => Math.max(...[head, ...rows].map((row) => row[at]?.length ?? 0)));
  const drawn = [head, ...rows].map((row) =>
    row
      .map((text, at) => text.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [...drawn, ...reasons.map((why, at) => `(${at + 1}) ${why}`)].join('\n');
};

/** Whether tests of every peer have run, so that an empty cell is a hole. */
const isWhole = (files: readonly string[]): boolean =>
  files.some((file) => file.includes('/protocol/')) &&
  kinds.every(([pattern]) => files.some((file) => file.includes('/interop/') && pattern.test(file)));

/** Prints the table after a run with peers. A hole fails a complete run. */
export default class ConformanceTable implements Reporter {
  /** Whether a name pattern has skipped tests, so that the table says nothing. */
  #isFiltered = false;

  onInit({ config }: Vitest): void {
    this.#isFiltered = config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const files = modules.map(({ moduleId }) => moduleId);
    if (this.#isFiltered || !files.some((file) => file.includes('/interop/'))) return;
    const played = modules.flatMap(({ moduleId, children }) =>
      [...children.allTests()].map((test) => ({ file: moduleId, title: test.fullName, state: test.result().state })),
    );
    const lines = tableOf(played);
    console.log(`\nConformance: scenario × peer\n${print(lines)}\n`);
    const holes = holesIn(lines);
    if (!isWhole(files) || holes.length === 0) return;
    console.error(`not played, and no reason given: ${holes.map(({ scenario }) => scenario.number).join(', ')}`);
    process.exitCode = 1;
  }
}
