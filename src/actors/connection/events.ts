import type { Definition } from '../../contract/definitions.js';
import type { Decoded } from '../../contract/schema.js';
import { encodeErrorReply, encodeReply, type Frame } from '../../protocol/codec.js';
import { ErrBadNamespace, ErrBadRoom, ErrInvalidPayload } from '../../protocol/errors.js';
import { dropped } from '../api/compose.js';
import { type ContractGate, ReceivedData } from '../api/contractGate.js';
import { closeCauseOf, closesWith, type HandlerFunction, type Outcome } from '../api/handlers.js';
import type { NSConn } from '../api/nsConn.js';
import type { ServerContext } from '../context.js';
import type { Connection } from './connection.js';

/** Runs the handler of a received event, and sends its reply or error (AK8). */
export const runEvent = (connection: Connection, context: ServerContext, frame: Frame): void | Promise<void> => {
  const ns = enteredBy(connection, context, frame);
  if (!ns) return undefined;
  const { contract, counters, callbacks } = context;
  const definitions = contract && !frame.isNative ? contract.definitionsOf(frame.namespace) : undefined;
  const definition = definitions && contract?.admitted(definitions, frame);
  if (definitions && !definition) {
    counters.disallowedEvents++;
    return answerAsk(connection, frame, ErrInvalidPayload);
  }
  const handler = context.handlers.find(frame.namespace, frame.event);
  if (!handler) {
    counters.unhandledEvents++;
    return undefined;
  }
  if (contract && definition) return new DataTurn(connection, context, contract, definition, ns, frame, handler).run();
  const outcome = callbacks.handle(handler, ns, frame);
  if (outcome instanceof Promise) return outcome.then((late) => respond(connection, context, ns, frame, late));
  return respond(connection, context, ns, frame, outcome);
};

/** Returns the handle of the frame's namespace. Refuses the frame outside the namespace or room (NS8, RM5). */
const enteredBy = (connection: Connection, { counters }: ServerContext, frame: Frame): NSConn | undefined => {
  const { memberships } = connection;
  const { namespace, room, wait } = frame;
  const ns = memberships.nsConn(namespace);
  const isOutside = room !== '' && !memberships.isMember(namespace, room);
  if (ns && !isOutside) return ns;
  if (wait === '') counters.ignoredEvents++;
  else connection.send(encodeErrorReply(frame, ns ? ErrBadRoom : ErrBadNamespace));
  return undefined;
};

const answerAsk = (connection: Connection, frame: Frame, error: unknown): void => {
  if (frame.wait !== '') connection.send(encodeErrorReply(frame, error));
};

const respond = (
  connection: Connection,
  { callbacks, told }: ServerContext,
  ns: NSConn,
  frame: Frame,
  outcome: Outcome,
): void => {
  if (outcome.kind === 'nothing') return;
  if (outcome.kind === 'stopped') return answerAsk(connection, frame, dropped);
  const mayAnswer = frame.wait !== '' || connection.memberships.isMember(frame.namespace, frame.room);
  if (outcome.kind === 'reply') {
    if (mayAnswer) connection.send(encodeReply(frame, outcome.body));
    return;
  }
  callbacks.threw(outcome.error, frame.event, ns);
  if (mayAnswer && !frame.isNative) connection.send(encodeErrorReply(frame, told(outcome.error)));
  const close = closesWith(outcome.error);
  if (close) connection.close(close.code, close.text, closeCauseOf(close));
};

/** The turn of one event or ask of a contract: validation, handler, answer (CT9–CT11). */
class DataTurn {
  constructor(
    private readonly connection: Connection,
    private readonly context: ServerContext,
    private readonly gate: ContractGate,
    private readonly definition: Definition,
    private readonly ns: NSConn,
    private readonly frame: Frame,
    private readonly handler: HandlerFunction,
  ) {}

  /** Runs it, by a promise only if the schema or the handler returns one. */
  run(): void | Promise<void> {
    const { connection, context, frame } = this;
    const decoded = this.gate.decode(this.definition.schema, frame);
    if (!(decoded instanceof Promise)) return this.#handle(decoded);
    return context.callbacks.within(decoded).then((late) => {
      // The connection may have ended, or left, meanwhile.
      const isThere = !connection.isClosed && enteredBy(connection, context, frame);
      if (isThere) return this.#handle(late);
      // The program made this mistake, whether or not the client is still there.
      if (late.kind === 'failed') context.callbacks.failed(late.error, frame.event, this.ns);
      return undefined;
    });
  }

  #handle(decoded: Decoded): void | Promise<void> {
    const { context, ns, frame } = this;
    const { counters, callbacks } = context;
    switch (decoded.kind) {
      case 'invalid':
        counters.invalidPayloads++;
        callbacks.report(decoded.error, { during: frame.event, connection: ns.conn.id, namespace: ns.namespace });
        return answerAsk(this.connection, frame, decoded.error);
      case 'failed':
        callbacks.failed(decoded.error, frame.event, ns);
        return answerAsk(this.connection, frame, context.told(decoded.error));
      case 'data': {
        const outcome = callbacks.run(this.handler, ns, new ReceivedData(frame, decoded.data));
        return outcome instanceof Promise ? outcome.then((late) => this.#answer(late)) : this.#answer(outcome);
      }
    }
  }

  #answer(outcome: Outcome): void {
    const { connection, context, gate, definition, ns, frame } = this;
    // The schema of the answer decides whether it is binary, not the frame that asks.
    const asked = frame.isBinary ? { ...frame, isBinary: false } : frame;
    respond(connection, context, ns, asked, gate.answer(definition, frame, outcome));
  }
}
