import {
  type AnyActorRef,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  createActor,
  createMachine,
  type EventObject,
  type InspectionEvent,
  SimulatedClock,
} from 'xstate';
import { memoised } from '../../../src/actors/charts/memoised.js';
import { watchInspectors } from '../../../src/actors/runtime/actorPatches.js';

/** What the actions and guards of a chart have been called with. The twin that runs writes to its own. */
export class CallLog {
  #lines: unknown[] = [];
  note(...call: unknown[]): void {
    // What the calls hold changes later.
    this.#lines.push(JSON.stringify(call, (_, value: unknown) => (value === undefined ? 'undefined' : value)));
  }
  /** Runs `job` and returns the calls that it makes. */
  of(job: () => void): unknown[] {
    const lines: unknown[] = [];
    this.#lines = lines;
    job();
    return lines;
  }
}

const textOf = (error: unknown): unknown => (error instanceof Error ? `${error.name}: ${error.message}` : error);

const outcomeOf = (job: () => unknown): unknown => {
  try {
    return job();
  } catch (error) {
    return textOf(error);
  }
};

/** Returns everything that a snapshot shows. */
const viewOf = (snapshot: AnyMachineSnapshot, machine: AnyStateMachine, events: readonly string[]): unknown => ({
  keys: Object.keys(snapshot),
  status: snapshot.status,
  output: snapshot.output,
  error: textOf(snapshot.error),
  isOf: snapshot.machine === machine,
  context: snapshot.context,
  nodes: snapshot._nodes.map(({ id }) => id),
  value: JSON.stringify(snapshot.value),
  tags: [...snapshot.tags],
  children: Object.keys(snapshot.children),
  history: Object.entries(snapshot.historyValue).map(([id, nodes]) => [id, nodes.map((node) => node.id)]),
  json: JSON.stringify({ ...Object(snapshot.toJSON?.()), children: undefined, error: undefined }),
  meta: snapshot.getMeta?.(),
  can: events.map((type) => outcomeOf(() => snapshot.can?.({ type }))),
  matches: snapshot.matches?.(snapshot.value),
});

/** One actor of a chart, with the calls and timers that it makes. */
class Twin {
  readonly #clock = new SimulatedClock();
  readonly #seen: unknown[] = [];
  readonly #machine: AnyStateMachine;
  #last: unknown;

  constructor(
    machine: AnyStateMachine,
    logic: AnyStateMachine,
    private readonly log: CallLog,
    private readonly events: readonly string[],
    input: unknown,
  ) {
    this.#machine = machine;
    const root = createActor(
      createMachine({
        on: { '*': { actions: ({ event }) => this.#seen.push(['parent', event.type, textOf(event['error'])]) } },
      }),
      { clock: this.#clock, logger: (...given) => this.#seen.push(['logged', given]) },
    );
    watchInspectors(root.system);
    const { schedule, cancel } = root.system.scheduler;
    root.system.scheduler.schedule = (source, target, event, delay, id) => {
      this.#seen.push(['schedule', event.type, delay, id]);
      schedule(source, target, event, delay, id);
    };
    root.system.scheduler.cancel = (source, id) => {
      this.#seen.push(['cancel', id]);
      cancel(source, id);
    };
    root.start();
    let made: AnyActorRef | undefined;
    this.#seen.push(
      log.of(() => {
        made = createActor(logic, { parent: root, id: 'twin', input });
      }),
    );
    if (!made) throw new Error('no actor');
    this.actor = made;
    this.actor.subscribe({
      next: (snapshot) => this.#seen.push(['next', JSON.stringify(snapshot.value)]),
      error: (error) => this.#seen.push(['error', textOf(error)]),
      complete: () => this.#seen.push(['complete']),
    });
    this.actor.on('*', (event) => this.#seen.push(['emitted', event]));
  }
  /** The actor. */
  readonly actor: AnyActorRef;

  /** Does something to the actor, and returns what can be seen of it. */
  after(job: (twin: Twin) => void): unknown {
    const calls = this.log.of(() => job(this));
    const snapshot = this.actor.getSnapshot();
    const isSame = snapshot === this.#last;
    this.#last = snapshot;
    const persisted = outcomeOf(() =>
      JSON.stringify({ ...Object(this.actor.getPersistedSnapshot()), error: undefined }),
    );
    return { calls, isSame, seen: this.#seen.splice(0), persisted, view: viewOf(snapshot, this.#machine, this.events) };
  }

  /** Sends an event, unless the actor has stopped: XState warns about that. */
  send(event: EventObject): void {
    if (this.actor.getSnapshot().status === 'active') this.actor.send(event);
  }
  /** Attaches an inspector to the actor system. Returns a function that detaches it. */
  inspect(): () => void {
    const seen = (event: InspectionEvent): void => {
      const { type, actorRef } = event;
      const what =
        event.type === '@xstate.microstep'
          ? event._transitions.map(({ eventType, target }) => [eventType, target?.map(({ id }) => id)])
          : event.type === '@xstate.action'
            ? [event.action.type, event.action.params]
            : [];
      const snapshot = 'snapshot' in event ? JSON.stringify(Object(event.snapshot).value) : '';
      this.#seen.push([type, actorRef === this.actor, 'event' in event ? event.event.type : '', snapshot, what]);
    };
    const { unsubscribe } = this.actor.system.inspect(seen);
    return unsubscribe;
  }
  pass(ms: number): void {
    this.#clock.increment(ms);
  }
}

/** Two actors of one chart, memoised and not, that get the same events. */
export class Twins {
  readonly #usual: Twin;
  readonly #memoised: Twin;

  constructor(
    machine: AnyStateMachine,
    logic: AnyStateMachine,
    log: CallLog,
    events: readonly string[],
    input?: unknown,
  ) {
    this.#usual = new Twin(machine, machine, log, events, input);
    this.#memoised = new Twin(machine, logic, log, events, input);
  }

  /** Does the same to both. Returns what can be seen of the usual one, and of the memoised one. */
  both(job: (twin: Pick<Twin, 'send' | 'pass' | 'actor' | 'inspect'>) => void): readonly [unknown, unknown] {
    return [this.#usual.after(job), this.#memoised.after(job)];
  }
}

/** Returns the logic of a memoised twin, which several twins share. */
export const memoLogic = (machine: AnyStateMachine): AnyStateMachine => memoised(machine);
