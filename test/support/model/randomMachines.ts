import fc from 'fast-check';
import { type AnyStateMachine, createMachine } from 'xstate';

/** A transition as it was written into a random machine. */
interface Written {
  readonly state: string;
  /** As `on` of a description has it, in one word. */
  readonly trigger: string;
  readonly guard: string | undefined;
  readonly actions: readonly string[];
  readonly targets: readonly string[];
}

export interface RandomMachine {
  readonly machine: AnyStateMachine;
  /** The ids of all states, and all transitions but those that begin a state. */
  readonly states: readonly string[];
  readonly written: readonly Written[];
}

interface Tree {
  readonly kind: 'atomic' | 'final' | 'compound' | 'parallel';
  readonly parts: readonly Tree[];
}

interface Wish {
  readonly from: number;
  readonly to: readonly number[];
  readonly kind: 'event' | 'after' | 'always' | 'done';
  readonly name: string;
  readonly guard: string | undefined;
  readonly actions: readonly string[];
  readonly reenter: boolean;
}

const leaf = fc.record({ kind: fc.constantFrom('atomic', 'atomic', 'final'), parts: fc.constant([]) });

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.record({
      kind: fc.constantFrom('compound', 'parallel'),
      parts: fc.array(tie('tree'), { minLength: 1, maxLength: 4 }),
    }),
  ),
}));

/** Names of all kinds: what Mermaid, Graphviz and HTML have a meaning for, and what may be mistaken for it. */
const name = fc.oneof(
  fc.constantFrom(
    'a',
    'end',
    'state',
    'note',
    'default',
    '[*]',
    '-->',
    '--',
    '%% x',
    '<b>&"\'',
    'a:b;c#d',
    '}',
    '{',
    '\\n',
  ),
  fc.constantFrom('</text><script>alert(1)</script>', 'öäü', '__proto__', 'constructor', '1', '<<fork>>', '"', 'a"b'),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
    .filter((text) => text.trim() !== '' && !/[.*]/.test(text)),
);

const wish = fc.record({
  from: fc.nat(),
  to: fc.array(fc.nat(), { maxLength: 1 }),
  kind: fc.constantFrom('event', 'event', 'event', 'after', 'always', 'done'),
  name,
  guard: fc.option(name, { nil: undefined }),
  actions: fc.array(name, { maxLength: 2 }),
  reenter: fc.boolean(),
});

interface Config {
  readonly id: string;
  readonly type: 'atomic' | 'final' | 'compound' | 'parallel';
  readonly states?: Record<string, Config>;
  readonly initial?: string;
  readonly description?: string;
  readonly on: Record<string, object[]>;
  readonly after: Record<string, object[]>;
  readonly always: object[];
  readonly onDone: object[];
}

const build = (top: Tree, wishes: readonly Wish[], names: readonly string[]): RandomMachine => {
  const all: Config[] = [];
  const configOf = ({ kind, parts }: Tree): Config => {
    const at = all.length;
    // A full stop and a backslash have a meaning in ids.
    const id = `${names[at % names.length]?.replaceAll(/[.\\]/g, '') ?? ''}${at}`;
    const states: Record<string, Config> = {};
    const config: Config = {
      id,
      type: kind,
      description: names[(at + 1) % names.length] ?? '',
      ...(parts.length > 0 && { states }),
      ...(kind === 'compound' && { initial: 'k0' }),
      // Without a prototype, so that an event may be called as what is in one.
      on: Object.create(null),
      after: Object.create(null),
      always: [],
      onDone: [],
    };
    all.push(config);
    for (const [place, part] of parts.entries()) states[`k${place}`] = configOf(part);
    return config;
  };
  const config = configOf(top);
  const written: Written[] = [];
  for (const { from, to, kind, name, guard, actions, reenter } of wishes) {
    const event = kind === 'after' ? `d${name}` : name;
    const source = all[from % all.length];
    const targets = to.flatMap((at) => all[at % all.length]?.id ?? []);
    if (!source || source.type === 'final' || (kind === 'done' && !source.states)) continue;
    const transition = { target: targets.map((id) => `#${id}`), guard, actions, reenter };
    const lists = { event: source.on, after: source.after };
    const list = kind === 'always' ? source.always : kind === 'done' ? source.onDone : undefined;
    if (list) list.push(transition);
    else if (kind === 'event' || kind === 'after')
      lists[kind][event] = [...(Object.hasOwn(lists[kind], event) ? (lists[kind][event] ?? []) : []), transition];
    const trigger = kind === 'event' ? event : kind === 'after' ? `after ${event}` : kind;
    written.push({ state: source.id, trigger, guard, actions, targets });
  }
  return { machine: createMachine({ ...config }), states: all.map(({ id }) => id), written };
};

export const arbitraryMachine: fc.Arbitrary<RandomMachine> = fc
  .tuple(tree, fc.array(wish, { maxLength: 24 }), fc.array(name, { minLength: 1, maxLength: 6 }))
  .map(([top, wishes, names]) => build(top, wishes, names));
