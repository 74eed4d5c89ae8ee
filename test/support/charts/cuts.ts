import { type AnyStateMachine, createMachine } from 'xstate';

type Node = Readonly<Record<string, unknown>>;

/** The config of a chart without one of its transitions, and which one that is. */
interface Cut {
  readonly label: string;
  readonly config: Node;
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every way to take one transition out of what stands at `key`: a list of them, or a single one. */
const cutsOf = (node: Node, key: string): readonly { readonly label: string; readonly node: Node }[] => {
  const found = node[key];
  if (Array.isArray(found)) {
    return found.map((_, at) => ({ label: `${key}[${at}]`, node: { ...node, [key]: found.toSpliced(at, 1) } }));
  }
  const { [key]: _, ...rest } = node;
  return [{ label: key, node: rest }];
};

const within = (node: Node, key: string): readonly { readonly label: string; readonly node: Node }[] => {
  const inner = node[key];
  if (!isNode(inner)) return [];
  return Object.keys(inner).flatMap((name) =>
    cutsOf(inner, name).map(({ label, node: changed }) => ({ label, node: { ...node, [key]: changed } })),
  );
};

const cuts = (config: Node, path: string): Cut[] => {
  const own = [
    ...within(config, 'on'),
    ...within(config, 'after'),
    ...('always' in config ? cutsOf(config, 'always') : []),
    ...('onDone' in config ? cutsOf(config, 'onDone') : []),
  ].map(({ label, node }) => ({ label: `${path} ${label}`, config: node }));
  const states = isNode(config['states']) ? config['states'] : {};
  const nested = Object.entries(states).flatMap(([name, state]) =>
    isNode(state)
      ? cuts(state, `${path}.${name}`).map(({ label, config: changed }) => ({
          label,
          config: { ...config, states: { ...states, [name]: changed } },
        }))
      : [],
  );
  return [...own, ...nested];
};

/** Returns a chart without each of its transitions in turn, and says which one that is. */
export const cutsOfChart = (
  machine: AnyStateMachine,
  name: string,
): readonly { readonly label: string; readonly machine: AnyStateMachine }[] =>
  cuts(machine.config as Node, name).map(({ label, config }) => ({
    label,
    // The config of a machine is typed by its own literal; one transition less keeps every other name as it was.
    machine: createMachine(config as never, machine.implementations as never),
  }));
