import type {
  ActionFunction,
  DelayConfig,
  EventObject,
  GuardPredicate,
  MachineContext,
  MetaObject,
  NonReducibleUnknown,
  ParameterizedObject,
  SetupReturn,
  UnknownActorLogic,
} from 'xstate';

/** No names. */
type None = Record<never, never>;
/** Parameters of actions or guards, by their names. */
type ParamsByName = Record<string, ParameterizedObject['params'] | undefined>;
/** Actors, by their names. */
type ActorsByName = Record<string, UnknownActorLogic>;
/** Actions or guards with their parameters, as the types of XState take them. */
type Named<Params extends ParamsByName> = {
  [Name in keyof Params & string]: { type: Name; params: Params[Name] };
}[keyof Params & string];
/** Actors, as the types of XState take them. */
type Provided<Actors extends ActorsByName> = {
  [Name in keyof Actors & string]: { src: Name; logic: Actors[Name]; id: string | undefined };
}[keyof Actors & string];
/**
 * Parts with more of them. Nothing to add is `never`: so the compiler knows the context and the actors of an `assign`
 * before it has inferred the other type parameters.
 */
type Plus<Parts, More> = [More] extends [never] ? Parts : Parts & More;
/** The same for a context. That of a namespace or room has no members of its own. */
type WithMembers<Context, Own> = [Own] extends [never]
  ? Context
  : Record<string, never> extends Context
    ? Own
    : Context & Own;
/** Setup of XState, as far as a chart of Muster uses it. */
type PlainSetup<
  Context extends MachineContext,
  Event extends EventObject,
  Actors extends ActorsByName,
  Actions extends ParamsByName,
  Guards extends ParamsByName,
  Delay extends string,
  Tag extends string,
  Input,
> = SetupReturn<
  Context,
  Event,
  Actors,
  None,
  Actions,
  Guards,
  Delay,
  Tag,
  Input,
  NonReducibleUnknown,
  EventObject,
  MetaObject
>;

/** The types that a chart of the program adds. Nothing reads the values (SV21). */
interface OwnTypes<Context, Event, Tag> {
  /** Members of the context, beside the built-in ones. */
  readonly context?: Context;
  /** Events, beside the built-in ones. */
  readonly events?: Event;
  /** Tags, beside the built-in ones. */
  readonly tags?: Tag;
}

/**
 * Setup of a built-in chart, for a chart that adds parts: that of XState, with an `extend` that takes own types and
 * actors too (SV21).
 */
export interface ChartSetup<
  Context extends MachineContext,
  Event extends EventObject,
  Actors extends ActorsByName,
  Actions extends ParamsByName,
  Guards extends ParamsByName,
  Delay extends string,
  Tag extends string,
  Input,
> extends Omit<PlainSetup<Context, Event, Actors, Actions, Guards, Delay, Tag, Input>, 'extend'> {
  /**
   * Returns the setup with events, tags, members of the context, actors, actions, guards and delays added (SV21).
   * @throws {TypeError} when `own` has any other member.
   * @example
   * connectionSetup.extend({ types: { events: {} as { type: 'MUTE' }, tags: {} as 'muted' }, delays: { mute: 30_000 } });
   */
  extend<
    OwnContext extends MachineContext = never,
    OwnEvent extends EventObject = never,
    OwnTag extends string = never,
    OwnActors extends ActorsByName = never,
    OwnActions extends ParamsByName = None,
    OwnGuards extends ParamsByName = None,
    OwnDelay extends string = never,
  >(own: {
    /** Types of own events, tags and members of the context. */
    readonly types?: OwnTypes<OwnContext, OwnEvent, OwnTag>;
    /** Actors to invoke. */
    readonly actors?: OwnActors;
    /** Actions. One under the name of a built-in action runs after it. */
    readonly actions?: {
      readonly [Name in keyof OwnActions]: ActionFunction<
        WithMembers<Context, OwnContext>,
        Event | OwnEvent,
        Event | OwnEvent,
        OwnActions[Name],
        Provided<Plus<Actors, OwnActors>>,
        Named<Actions & OwnActions>,
        Named<Guards & OwnGuards>,
        Delay | OwnDelay,
        EventObject
      >;
    };
    /** Guards. One under the name of a built-in guard replaces it. */
    readonly guards?: {
      readonly [Name in keyof OwnGuards]: GuardPredicate<
        WithMembers<Context, OwnContext>,
        Event | OwnEvent,
        OwnGuards[Name],
        Named<Guards & OwnGuards>
      >;
    };
    /** Delays, in ms. One under the name of a built-in delay replaces it. */
    readonly delays?: {
      readonly [Name in OwnDelay]: DelayConfig<
        WithMembers<Context, OwnContext>,
        Event | OwnEvent,
        Named<Actions & OwnActions>['params'],
        Event | OwnEvent
      >;
    };
  }): ChartSetup<
    WithMembers<Context, OwnContext>,
    Event | OwnEvent,
    Plus<Actors, OwnActors>,
    Actions & OwnActions,
    Guards & OwnGuards,
    Delay | OwnDelay,
    Tag | OwnTag,
    Input
  >;
}

/** The setup that `extensible` makes of one of XState. */
export type Extensible<Setup> =
  Setup extends SetupReturn<
    infer Context,
    infer Event,
    infer Actors,
    infer _Children,
    infer Actions,
    infer Guards,
    infer Delay,
    infer Tag,
    infer Input,
    infer _Output,
    infer _Emitted,
    infer _Meta
  >
    ? ChartSetup<Context, Event, Actors, Actions, Guards, Delay, Tag, Input>
    : never;

/** What a chart of the program adds, without types. */
interface OwnParts {
  readonly types?: unknown;
  readonly actors?: object;
  readonly actions?: object;
  readonly guards?: object;
  readonly delays?: object;
}

/** A setup of XState, without types. */
interface UntypedSetup {
  createMachine(config: never): { provide(implementations: never): object };
  extend(own: never): UntypedSetup;
}

const members: readonly string[] = ['types', 'actors', 'actions', 'guards', 'delays'];

const checkMembers = (own: unknown): void => {
  const shape = `extend takes an object of ${members.join(', ')}`;
  if (typeof own !== 'object' || own === null) throw new TypeError(`${shape}; got ${String(own)}`);
  const unknown = Object.keys(own).filter((name) => !members.includes(name));
  if (unknown.length > 0) throw new TypeError(`${shape}; got ${unknown.join(', ')}`);
};

const extended = (setup: UntypedSetup, actors: object): object => ({
  ...setup,
  // XState's own `extend` takes no actors: the machine gets them afterwards.
  createMachine: (config: never) => setup.createMachine(config).provide({ actors } as never),
  extend: (own: OwnParts) => {
    checkMembers(own);
    const { types: _, actors: more, ...rest } = own;
    return extended(setup.extend(rest as never), { ...actors, ...more });
  },
});

/** Returns a setup of XState with an `extend` that takes own events, tags, context and actors as well (SV21). */
export const extensible = <Setup extends UntypedSetup>(setup: Setup): Extensible<Setup> =>
  // Events, tags and context are types alone, so that XState's setup makes the same machine of any of them.
  extended(setup, {}) as Extensible<Setup>;
