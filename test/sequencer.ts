import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that keep a core busy, and files that mostly wait, the longest first. Side by side, neither slows the other down. */
const busy = [
  'properties/lossless',
  'properties/flood',
  'properties/clusterChurn',
  'properties/churn',
  'properties/slow',
  'docs',
  'properties/clientStorm',
  'properties/ordering',
  'properties/fuzz',
  'properties/transitions',
  'properties/scheduled',
];
const waiting = [
  'properties/brokerFaults',
  'client/chromium',
  'examples/chat',
  'inspector/page',
  'properties/standstill',
  'bench/load',
  'bench/cluster',
  'examples/board',
  'examples/cluster',
  'interop/ourClientReturns',
  'proxies/proxies',
  'hosts/hosts',
  'client/runtimes',
  'properties/linkRate',
  'react/browser',
  'trust/exchangeNames',
];

/**
 * Starts the longest files first, one that is busy beside two that wait. The short ones come last, so that no core is
 * left with a long one at the end.
 */
export default class Sequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rest = await super.sort(files);
    const take = (name: string): TestSpecification[] => {
      const at = rest.findIndex(({ moduleId }) => moduleId.endsWith(`/test/${name}.test.ts`));
      return at === -1 ? [] : rest.splice(at, 1);
    };
    const [fast, slow] = [busy.flatMap(take), waiting.flatMap(take)];
    const first: TestSpecification[] = [];
    while (fast.length > 0 || slow.length > 0) first.push(...fast.splice(0, 1), ...slow.splice(0, 2));
    const isQuick = ({ project }: TestSpecification): boolean => project.name === 'quick';
    return [...first, ...rest.filter((file) => !isQuick(file)), ...rest.filter(isQuick)];
  }
}
