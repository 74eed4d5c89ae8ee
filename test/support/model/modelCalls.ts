import { ModelState } from './modelState.js';
import {
  type CallContext,
  endEventOf,
  isMember,
  type ModelAsk,
  type ModelConnection,
  type PendingDo,
  wireOf,
} from './modelTypes.js';
import type { Call, ModelExclusion, ModelMessage, Script } from './program.js';
import { expandBody, lineOf, type Wire } from './wire.js';
/** The calls of the program, and what they cause. */
export class ModelCalls extends ModelState {
  protected perform(script: Script, context: CallContext): void {
    for (const step of script) this.call(step, context);
  }

  protected call(step: Call, context: CallContext): void {
    const { self, namespace } = context;
    const own = context.hasHandle ? self : undefined;
    switch (step.call) {
      case 'emit':
        return this.emit(context, own, '', step.body, step.isBinary);
      case 'emitTo':
        return this.emit(context, this.resolve(step.who, self), '', step.body, false);
      case 'emitRoom':
        return this.emit(context, own, step.room, step.body, false);
      case 'broadcast':
        for (const message of step.messages) this.broadcast(message, step.except, context);
        return undefined;
      case 'close': {
        const whom = this.resolve(step.who, self);
        if (whom && !(context.isHook && whom === self)) this.close(whom, step.code, 'bye');
        return undefined;
      }
      case 'ask':
        if (self?.state !== 'open' || !isMember(self, namespace, '')) return undefined;
        return this.askPeer(
          self,
          { namespace, room: '', event: 'question', body: expandBody(step.body) },
          (isAgreed) => {
            if (isAgreed) this.sequels.push({ label: JSON.stringify(step), context, sequel: step.sequel });
          },
        );
      case 'askAll': {
        const audience = this.audience(step.message.namespace, step.message.room, step.message.to);
        if (audience.length === 0) return undefined;
        const token = this.openAsk(audience, (isAgreed) => {
          if (isAgreed) this.sequels.push({ label: JSON.stringify(step), context, sequel: step.sequel });
        });
        for (const { lines } of audience) lines.push(lineOf(wireOf(step.message, token)));
        return undefined;
      }
      case 'do': {
        const pending: PendingDo = { id: ++this.lastDo, visitor: step, visiting: undefined, rest: undefined };
        this.pendingDos.push(pending);
        if (this.pendingDos.length === 1) pending.rest = [...this.registered];
        return undefined;
      }
    }
  }

  protected emit(
    context: CallContext,
    connection: ModelConnection | undefined,
    room: string,
    body: string,
    isBinary: boolean,
  ): void {
    const { namespace } = context;
    if (connection?.state !== 'open' || !isMember(connection, namespace, room)) return;
    connection.lines.push(lineOf(wireOf({ namespace, room, body, isBinary, to: undefined }, '')));
  }

  protected broadcast(message: ModelMessage, except: ModelExclusion, context: CallContext): void {
    for (const connection of this.audience(message.namespace, message.room, message.to)) {
      if (!this.isSkipped(connection, except, context)) connection.lines.push(lineOf(wireOf(message, '')));
    }
  }

  protected isSkipped(
    connection: ModelConnection,
    except: ModelExclusion,
    { self, namespace, hasHandle }: CallContext,
  ): boolean {
    if (except.skip === 'none') return false;
    if (except.skip === 'id') return connection.id === except.id;
    if (connection !== this.resolve(except.who, self)) return false;
    if (except.skip === 'conn') return true;
    // Without a handle there is no exclusion.
    if (connection === self && !hasHandle) return false;
    return except.skip === 'nsConn'
      ? connection === self || isMember(connection, namespace, '')
      : isMember(connection, namespace, except.room);
  }

  protected askPeer(
    connection: ModelConnection,
    note: Pick<Wire, 'namespace' | 'room' | 'event' | 'body'>,
    answered: ModelAsk['answered'],
  ): void {
    if (connection.state !== 'open') return;
    const wait = this.openAsk([connection], answered);
    connection.lines.push(lineOf({ ...note, wait, isError: false, isBinary: false }));
  }

  protected openAsk(audience: readonly ModelConnection[], answered: ModelAsk['answered']): string {
    const token = `token-${++this.lastToken}`;
    this.asks.set(token, { who: new Set(audience.map(({ index }) => index)), answered });
    return token;
  }

  protected answer(connection: ModelConnection, { wait, isError, body }: Wire): void {
    const ask = this.asks.get(wait);
    if (!ask?.who.has(connection.index)) return;
    this.asks.delete(wait);
    ask.answered(!isError || body === '');
  }

  protected close(connection: ModelConnection, code: number, text: string): void {
    if (connection.state !== 'open' && connection.state !== 'unacknowledged') return;
    connection.lines.push(`close ${code} ${text}`);
    this.end(connection);
  }

  protected end(connection: ModelConnection): void {
    const wasGreeted = connection.state === 'open' || !this.arriving.includes(connection);
    const wasAccepted = wasGreeted && connection.outcome !== 'refuse';
    connection.state = 'closed';
    this.registered = this.registered.filter((other) => other !== connection);
    const arriving = this.arriving.indexOf(connection);
    if (arriving !== -1) this.arriving.splice(arriving, 1);
    const rooms: string[] = [];
    for (const [namespace, names] of connection.memberships) {
      for (const room of names) {
        rooms.push(`${namespace}/${room}`);
        connection.endEvents.push(
          endEventOf('_OnRoomLeave', namespace, room),
          endEventOf('_OnRoomLeft', namespace, room),
        );
      }
      connection.endEvents.push(endEventOf('_OnNamespaceDisconnect', namespace, ''));
    }
    if (wasAccepted) connection.endEvents.push(endEventOf('onDisconnect', '', rooms.join(' ')));
    connection.memberships.clear();
    connection.early.length = 0;
    connection.frames.length = 0;
    connection.hadJobs = connection.jobs.length > 0;
    connection.jobs.length = 0;
    connection.pendingSteps.clear();
    for (const [token, { who }] of this.asks) {
      who.delete(connection.index);
      if (who.size === 0) this.asks.delete(token);
    }
  }
}
