import { ModelTurns } from './modelTurns.js';
import { type CallContext, isMember, type ModelConnection, type PendingDo, type PendingStep } from './modelTypes.js';
import { type ConnectOutcome, closedNamespace, refusal, type Script } from './program.js';
import { keyOf, type Wire } from './wire.js';
/**
 * What Muster promises, done naively: every step at once and to the end, one after the other. Memberships are a map of
 * sets, a broadcast is a loop. The model does not use the library.
 *
 * SPEC.md leaves some moments open, such as when a visit of `do` takes place. The run reports these moments to the
 * model, which throws if one is wrong.
 */
export class NaiveModel extends ModelTurns {
  // What clients and the server do

  connect(id: string, outcome: ConnectOutcome): void {
    const connection: ModelConnection = {
      index: this.peers.length,
      id,
      outcome,
      state: this.isDoing ? 'waiting' : 'unacknowledged',
      memberships: new Map(),
      early: [],
      lines: [],
      isCut: false,
      isBusy: false,
      paused: undefined,
      jobs: [],
      frames: [],
      pendingSteps: new Map(),
      endEvents: [],
      hadJobs: false,
    };
    this.peers.push(connection);
    if (this.isDoing) this.waiting.push(connection);
    else this.register(connection);
  }

  acknowledge(who: number): void {
    const connection = this.peer(who);
    if (connection.state !== 'unacknowledged') return;
    connection.state = 'open';
    connection.lines.push(`t A${connection.id}`);
    if (connection.outcome === 'connect') this.begin(who, 'connect', 'chat', '');
    for (const wire of connection.early.splice(0)) this.receive(who, wire);
  }

  receive(who: number, wire: Wire): void {
    const connection = this.peer(who);
    if (connection.state === 'unacknowledged') {
      connection.early.push(wire);
    } else if (connection.state === 'open') {
      if (wire.wait === '' || wire.wait.startsWith('$')) {
        connection.frames.push(wire);
        this.runTurns(connection);
      } else {
        this.answer(connection, wire);
      }
    }
  }

  disconnect(who: number): void {
    const connection = this.peer(who);
    if (connection.state === 'closed') return;
    connection.isCut = true;
    if (connection.state === 'waiting') {
      connection.state = 'closed';
      this.waiting.splice(this.waiting.indexOf(connection), 1);
    } else {
      this.end(connection);
    }
  }

  /** The connection closes while its socket takes no bytes: what waits is lost. */
  onCongestedClose(who: number): void {
    this.peer(who).isCut = true;
  }

  begin(who: number, kind: PendingStep['kind'], namespace: string, room: string): void {
    const connection = this.peer(who);
    const key = keyOf(namespace, room);
    if (kind === 'connect') {
      if (isMember(connection, namespace, '') || connection.pendingSteps.has(key)) return;
      this.hook('_OnNamespaceConnect', connection, namespace);
      if (namespace === closedNamespace) return;
    }
    const step: PendingStep = { kind };
    const event = {
      connect: '_OnNamespaceConnect',
      disconnect: '_OnNamespaceDisconnect',
      join: '_OnRoomJoin',
      leave: '_OnRoomLeave',
    }[kind];
    connection.pendingSteps.set(key, step);
    this.askPeer(connection, { namespace, room, event, body: '' }, (isAgreed) => {
      connection.jobs.push(() => {
        if (connection.pendingSteps.get(key) !== step) return;
        if (isAgreed) this.agreed(kind, connection, namespace, room);
        connection.pendingSteps.delete(key);
      });
      this.runTurns(connection);
    });
  }

  /** Runs calls outside of every connection. */
  play(script: Script): void {
    this.perform(script, { self: undefined, namespace: '', isHook: false });
  }

  // What the run reports

  /** `onConnect` was called for this connection. */
  onConnectCalled(who: number): void {
    const connection = this.peer(who);
    if (connection.state === 'waiting') this.endDo();
    const [next] = this.arriving;
    if (next !== connection)
      throw new Error(`onConnect of ${who} ran before that of ${next?.index ?? 'any connection'}`);
    this.arriving.shift();
    if (connection.outcome === 'refuse') {
      connection.lines.push(`t H${refusal}`);
      this.close(connection, 1008, refusal);
    }
  }

  onVisit(walkId: number, who: number): void {
    const pending = this.pendingDos[0]?.id === walkId ? this.pendingDos[0] : this.endDo();
    if (pending?.id !== walkId) throw new Error(`do ${walkId} visits before its turn`);
    if (pending.visiting) throw new Error(`do ${walkId} visits ${who} before the last visit is over`);
    const expected = pending.rest?.find(({ state }) => state !== 'closed');
    if (expected?.index !== who) throw new Error(`do ${walkId} visits ${who} instead of ${expected?.index}`);
    pending.rest = pending.rest?.slice(pending.rest.indexOf(expected) + 1);
    const context: CallContext = {
      self: expected,
      namespace: 'chat',
      isHook: false,
      hasHandle: isMember(expected, 'chat', ''),
    };
    const { visit, later } = pending.visitor;
    if (later) pending.visiting = context;
    this.perform(visit, context);
  }

  /** The gate of a visitor opened. */
  onVisitResumed(walkId: number): void {
    const [pending] = this.pendingDos;
    const context = pending?.visiting;
    if (pending?.id !== walkId || !context) throw new Error(`a visit of do ${walkId} goes on that has not begun`);
    pending.visiting = undefined;
    this.perform(pending.visitor.later ?? [], context);
  }

  onDoEnded(walkId: number): void {
    if (this.pendingDos[0]?.id === walkId) this.endDo();
    else if (this.pendingDos.some(({ id }) => id === walkId)) throw new Error(`do ${walkId} ended before its turn`);
  }

  /** The sequel of an answered ask began. */
  onSequel(label: string): void {
    const at = this.sequels.findIndex((sequel) => sequel.label === label);
    const [sequel] = at === -1 ? [] : this.sequels.splice(at, 1);
    if (!sequel) throw new Error(`a sequel without an answer: ${label}`);
    this.perform(sequel.sequel, sequel.context);
  }

  /** The gate of a paused handler opened. */
  onHandlerResumed(who: number): void {
    const connection = this.peer(who);
    const { paused } = connection;
    if (!paused) throw new Error(`${who} resumed without a paused handler`);
    const { wire, instructions } = paused;
    this.perform(instructions.later, { self: connection, namespace: wire.namespace, isHook: false, hasHandle: true });
    this.finish(connection, wire, instructions.finale);
    connection.paused = undefined;
    connection.isBusy = false;
    this.runTurns(connection);
  }

  /** A forced event, or `onDisconnect`, of a connection that has ended. */
  onEndEvent(who: number, line: string): void {
    const connection = this.peer(who);
    if (connection.isBusy) throw new Error(`${who} got ${line} during a turn`);
    const expected = connection.endEvents.shift();
    if (expected !== line && !connection.hadJobs) throw new Error(`${who} got ${line} instead of ${expected}`);
    const [event = '', namespace = ''] = JSON.parse(line);
    const script = this.scriptOf(event);
    this.perform(script, { self: connection, namespace, isHook: true });
  }

  // Arrivals

  protected register(connection: ModelConnection): void {
    connection.state = 'unacknowledged';
    this.registered.push(connection);
    this.arriving.push(connection);
  }

  /** Ends the current do, which must be complete. Registers waiting arrivals and begins the next one. */
  protected endDo(): PendingDo | undefined {
    const pending = this.pendingDos.shift();
    if (pending?.visiting) throw new Error(`do ${pending.id} ends before a visit is over`);
    const left = pending?.rest?.filter(({ state }) => state !== 'closed') ?? [];
    if (left.length > 0) throw new Error(`do ${pending?.id} ends without ${left.map(({ index }) => index)}`);
    for (const connection of this.waiting.splice(0)) this.register(connection);
    const next = this.pendingDos[0];
    if (next) next.rest = [...this.registered];
    return next;
  }
}
