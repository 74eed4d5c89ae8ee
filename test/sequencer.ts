import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that keep both cores busy, and files that mostly wait. Side by side, neither slows the other down. */
const busy = [
  'properties/lossless',
  'properties/flood',
  'properties/clusterChurn',
  'properties/churn',
  'properties/slow',
];
const waiting = [
  'properties/brokerFaults',
  'properties/standstill',
  'client/chromium',
  'inspector/page',
  'bench/load',
  'bench/cluster',
  'examples/chat',
  'examples/cluster',
];

/** Starts the longest files first, a busy one and a waiting one at a time. */
export default class Sequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rest = await super.sort(files);
    const take = (name: string): TestSpecification[] => {
      const at = rest.findIndex(({ moduleId }) => moduleId.endsWith(`/test/${name}.test.ts`));
      return at === -1 ? [] : rest.splice(at, 1);
    };
    const [fast, slow] = [busy.flatMap(take), waiting.flatMap(take)];
    const first: TestSpecification[] = [];
    while (fast.length > 0 || slow.length > 0) first.push(...fast.splice(0, 1), ...slow.splice(0, 1));
    return [...first, ...rest];
  }
}
