import { CloseError, type Conn, type Except, exclude, type Message, type NSConn, reply } from '../../../src/index.js';
import type { SupervisorHarness } from '../server/supervisorHarness.js';
import type { NaiveModel } from './naiveModel.js';
import type { Call, ClientRef, HandlerEnd, ModelExclusion, ModelMessage, Script } from './program.js';
import { expandBody } from './wire.js';

/** The connection that a script runs for. */
export interface Caller {
  readonly conn: Conn | undefined;
  readonly nsConn: NSConn | undefined;
  readonly namespace: string;
  readonly isHook: boolean;
}

export const encoder = new TextEncoder();
export const noCaller: Caller = { conn: undefined, nsConn: undefined, namespace: '', isHook: false };

/** Runs the scripts of the program on the server, and reports them to the model. */
export abstract class ScriptPlayer {
  abstract readonly harness: SupervisorHarness;
  abstract readonly model: NaiveModel;
  protected visitGate: (() => void) | undefined;
  /** How many scripts run inside each other. */
  protected depth = 0;
  protected failure: unknown;
  protected lastDo = 0;

  /** Runs a script after a connection has ended, which must not happen inside another script. */
  protected playAfterEnd(conn: Conn, nsConn: NSConn | undefined, line: string, script: Script): void {
    const { index } = this.harness.clientOf(conn);
    const caller: Caller = { conn, nsConn, namespace: nsConn?.namespace ?? '', isHook: true };
    if (this.depth > 0) this.catch(() => Promise.reject(new Error(`${index} got ${line} inside another script`)));
    this.play(this.model.areHandlersOn ? script : [], caller, () => this.model.onEndEvent(index, line));
  }

  protected play(script: Script, caller: Caller, onModel?: () => void): void {
    if (onModel) this.catch(onModel);
    this.depth++;
    for (const step of script) this.catch(() => this.call(step, caller));
    this.depth--;
  }

  protected call(step: Call, caller: Caller): void {
    const { server } = this.harness;
    const { conn, nsConn, namespace } = caller;
    switch (step.call) {
      case 'emit':
        if (step.isBinary) nsConn?.emitBinary('note', encoder.encode(expandBody(step.body)));
        else nsConn?.emit('note', expandBody(step.body));
        return;
      case 'emitTo': {
        const whom = this.resolve(step.who, conn);
        whom?.namespace(namespace)?.emit('note', expandBody(step.body));
        return;
      }
      case 'emitRoom':
        nsConn?.room(step.room)?.emit('note', expandBody(step.body));
        return;
      case 'broadcast':
        server.broadcast(this.exceptOf(step.except, caller), ...step.messages.map(messageOf));
        return;
      case 'close': {
        const whom = this.resolve(step.who, conn);
        if (!whom || (caller.isHook && whom === conn)) return;
        whom.close(step.code, 'bye');
        return;
      }
      case 'ask':
        this.follow(nsConn?.ask('question', expandBody(step.body)), step, step.sequel, caller);
        return;
      case 'askAll':
        this.follow(server.ask(messageOf(step.message)), step, step.sequel, caller);
        return;
      case 'do': {
        const id = ++this.lastDo;
        let failed = 0;
        const end = (): void => {
          if (!step.isFailing) return;
          failed++;
          throw new Error('failing visit');
        };
        const visit = (visited: Conn): void | Promise<void> => {
          const { index } = this.harness.clientOf(visited);
          const visitor: Caller = {
            conn: visited,
            nsConn: visited.namespace('chat'),
            namespace: 'chat',
            isHook: false,
          };
          this.play(step.visit, visitor, () => this.model.onVisit(id, index));
          const { later } = step;
          if (!later) return end();
          return new Promise<void>((open) => {
            this.visitGate = open;
          }).then(() => {
            this.play(later, visitor, () => this.model.onVisitResumed(id));
            end();
          });
        };
        const over = (failures: number): void => {
          this.catch(() => this.model.onDoEnded(id));
          if (failures !== failed) this.failure ??= new Error(`${failures} visits of do ${id} failed, not ${failed}`);
        };
        server.do(visit).then(
          () => over(0),
          (error: unknown) => over(error instanceof AggregateError ? error.errors.length : -1),
        );
        return;
      }
    }
  }

  protected follow(asked: Promise<Message> | undefined, step: Call, sequel: Script, caller: Caller): void {
    asked?.then(
      () => this.play(sequel, caller, () => this.model.onSequel(JSON.stringify(step))),
      () => {},
    );
  }

  protected exceptOf(skip: ModelExclusion, caller: Caller): Except {
    if (skip.skip === 'none') return null;
    if (skip.skip === 'id') return exclude(skip.id);
    const conn = this.resolve(skip.who, caller.conn);
    if (skip.skip === 'conn') return conn ?? null;
    const nsConn = conn === caller.conn ? caller.nsConn : conn?.namespace(caller.namespace);
    return (skip.skip === 'room' ? nsConn?.room(skip.room) : nsConn) ?? null;
  }

  protected callerOf(nsConn: NSConn, isHook: boolean): Caller {
    return { conn: nsConn.conn, nsConn, namespace: nsConn.namespace, isHook };
  }

  protected resolve(who: ClientRef, self: Conn | undefined): Conn | undefined {
    if (who === 'self') return self;
    return this.harness.clients[who % this.harness.clients.length]?.conn;
  }

  /** Records what fails inside the library's calls, so that the run fails even if the library handles it. */
  protected catch(run: () => unknown): void {
    const note = (error: unknown): void => {
      this.failure ??= error;
    };
    try {
      const outcome = run();
      if (outcome instanceof Promise) outcome.catch(note);
    } catch (error) {
      note(error);
    }
  }
}

const messageOf = ({ namespace, room, body, isBinary, to }: ModelMessage) => ({
  namespace,
  room,
  event: 'note',
  body: isBinary ? encoder.encode(expandBody(body)) : expandBody(body),
  ...(to === undefined ? {} : { to }),
});

/** Ends a handler. */
export const endWith = (finale: HandlerEnd) => {
  if (finale.end === 'reply') return reply(expandBody(finale.body));
  if (finale.end === 'throw') throw new Error(finale.text);
  if (finale.end === 'closeError') throw new CloseError(finale.code, finale.text);
  return undefined;
};
