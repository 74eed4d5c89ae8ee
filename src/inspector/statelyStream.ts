import type { ServerResponse } from 'node:http';
import type { Server } from '../server/server.js';
import { type StreamViewer, streamHeaders } from './feed.js';
import { toStately } from './stately/messages.js';

/** Maximum number of unread bytes. No message can be skipped here, so a stream above it is destroyed. */
const maxUnread = 4_194_304;

/**
 * Streams the steps of the root actor, of the link and of one connection in Stately's protocol (IN6). Returns the
 * viewer, for the feed to authorize again and to end.
 */
export const openStatelyStream = (
  server: Server,
  response: ServerResponse,
  follows: string,
  isAuthorized: () => Promise<boolean>,
): StreamViewer => {
  response.writeHead(200, streamHeaders);
  response.write('retry: 1000\n\n');
  let isOver = false;
  let inspection: { unsubscribe(): void } | undefined;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    inspection?.unsubscribe();
    response.end();
  };
  inspection = server.inspect(
    (inspected) => {
      const message = isOver ? undefined : toStately(inspected, () => server.watching.clock.wallNow());
      if (!message) return;
      response.write(`data: ${JSON.stringify(message)}\n\n`);
      if (response.writableLength <= maxUnread) return;
      end();
      response.req.socket.destroy();
    },
    { actors: ({ actor }) => actor.id === follows },
  );
  // `inspect` has reported the live actors already, which may have exceeded the maximum.
  if (isOver) inspection.unsubscribe();
  return { isAuthorized, end };
};
