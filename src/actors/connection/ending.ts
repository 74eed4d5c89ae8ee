import type { ServerContext } from '../context.js';
import type { Connection } from './connection.js';
import {
  type CloseRecord,
  type ConnectionListener,
  disconnectReason,
  type EndKind,
  type EndReason,
  ends,
} from './lifecycle.js';

/** Ends a connection by the row of its kind in `ends`: its chart, its socket and its inbox each do their part. */
export const endConnection = (
  connection: Connection,
  listener: Pick<ConnectionListener<Connection>, 'onDetached'>,
  kind: EndKind,
  reason: EndReason = ends[kind].reason,
): void => {
  const { chart, socket, inbox } = ends[kind];
  const sendToChart = (): void => {
    if (chart === 'none') connection.tearDownFailed();
    else if (chart === 'SOCKET.CLOSED' || !connection.isClosed) connection.sendEvent({ type: chart, ...reason });
  };
  if (socket === 'destroy') connection.socket.destroy();
  if (inbox === 'drain') {
    connection.inbox.stop();
    connection.inbox.runNext(sendToChart);
  } else {
    sendToChart();
  }
  if (inbox === 'abandon') connection.inbox.abandon();
  if (socket !== 'close') return;
  connection.sendClose(reason.code, reason.text);
  listener.onDetached(connection.socket);
};

/** Tells the listener that the last handler has settled, once it has. */
const settle = (
  connection: Connection,
  running: void | Promise<void>,
  listener: Pick<ConnectionListener<Connection>, 'onFinished'>,
): void | Promise<void> =>
  running ? running.then(() => listener.onFinished(connection)) : listener.onFinished(connection);

/**
 * Ends the memberships of a closed connection, and then runs `onDisconnect` (NS7, SV6). Makes no promise unless a handler
 * of the program does.
 */
export const runEnd = (
  connection: Connection,
  { callbacks }: Pick<ServerContext, 'callbacks'>,
  listener: Pick<ConnectionListener<Connection>, 'onFinished'>,
  record: CloseRecord,
): void | Promise<void> => {
  const { memberships, conn, actor } = connection;
  const { code, text, wasAccepted } = disconnectReason(record, actor);
  const reason = { code, text, wasAccepted, rooms: callbacks.hasDisconnectHook ? memberships.places() : [] };
  const ending = memberships.end();
  if (!ending) return settle(connection, callbacks.disconnect(conn, reason), listener);
  return ending.then(() => settle(connection, callbacks.disconnect(conn, reason), listener));
};
