import type { StateMachine } from 'xstate';

/** The names of the states of a machine, as nested objects. */
type SchemaOf<Machine> =
  Machine extends StateMachine<
    infer _Context,
    infer _Event,
    infer _Children,
    infer _Actor,
    infer _Action,
    infer _Guard,
    infer _Delay,
    infer _Value,
    infer _Tag,
    infer _Input,
    infer _Output,
    infer _Emitted,
    infer _Meta,
    infer Schema
  >
    ? Schema
    : never;

/** What a state of a built-in chart holds. To be spread: it fits a chart with more events, tags, context and names. */
interface StateContent {
  /** Its description. */
  readonly description?: never;
  /** Its tags. */
  readonly tags?: never;
  /** Its first state. */
  readonly initial?: never;
  /** Its actions of entry. */
  readonly entry?: never;
  /** Its actions of exit. */
  readonly exit?: never;
  /** Its transitions by event. */
  readonly on?: Readonly<Record<never, never>>;
  /** Its transitions by delay. */
  readonly after?: Readonly<Record<never, never>>;
  /** Its transitions without an event. */
  readonly always?: never;
  /** Its transitions at the end of its states. */
  readonly onDone?: never;
}

/** A state of a built-in chart, and the states in it. Those named by `Parallel` are parallel. */
type StatePart<Schema, Parallel extends string, Name = never> = StateContent &
  ([Name] extends [Parallel] ? { readonly type: 'parallel' } : { readonly type?: never }) &
  (Schema extends { readonly states: infer States }
    ? { readonly states: { readonly [Inner in keyof States]: StatePart<States[Inner], Parallel, Inner> } }
    : unknown);

/** The parts of a built-in chart, for a chart that adds some. */
export type ChartParts<Machine, Context, Parallel extends string = never> = StatePart<
  SchemaOf<Machine>,
  Parallel,
  'root'
> & {
  /** The id of the chart, which its targets name. */
  readonly id: string;
  /** The built-in context. */
  readonly context: Context;
};

/** Returns the parts of a machine: the literal that made it, under the type that another chart can take. */
export const partsOf = <Parts>({ config }: { readonly config: object }): Parts =>
  // The type of each part hides what the types of a larger chart would refuse. A test spreads all of them.
  config as Parts;
