import type { ServerResponse } from 'node:http';
import type { Server } from '../server/server.js';
import { type Guest, streamHeaders } from './feed.js';
import { toStately } from './stately/messages.js';

/** Bytes that a viewer may leave unread before it is let go: here every message counts, and none may be left out. */
const mostUnread = 4_194_304;

/** Tells a page, in Stately's protocol, of the root actor, the link to the broker and the connection that it follows. */
export const tellStately = (
  server: Server,
  response: ServerResponse,
  follows: string,
  mayStay: () => Promise<boolean>,
): Guest => {
  response.writeHead(200, streamHeaders);
  response.write('retry: 1000\n\n');
  let isOver = false;
  let watch: { unsubscribe(): void } | undefined;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    watch?.unsubscribe();
    response.end();
  };
  watch = server.inspect(
    (inspected) => {
      const message = isOver ? undefined : toStately(inspected, () => server.watching.clock.wallNow());
      if (!message) return;
      response.write(`data: ${JSON.stringify(message)}\n\n`);
      if (response.writableLength <= mostUnread) return;
      end();
      response.req.socket.destroy();
    },
    { actors: ({ actor }) => actor.id === follows },
  );
  // What lives already may have been too much.
  if (isOver) watch.unsubscribe();
  return { mayStay, end };
};
