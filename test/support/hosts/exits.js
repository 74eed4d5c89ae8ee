import { createServer } from 'node:http';
import { fastPaths } from '../../../dist/actors/runtime/fastPaths.js';
import { Server } from '../../../dist/index.js';
import { withParts } from '../../../dist/server/parts.js';

/**
 * A server whose process exits as its client asks. It sends its port to its parent. The argument tells whether bytes go straight to
 * the handle.
 */

const handle = process.argv[2] === 'handle';
const server = new Server(
  withParts(
    {
      namespaces: {
        default: {
          inHandler(ns) {
            ns.emit('bye', 'one');
            ns.emit('bye', 'two');
            process.exit();
          },
          later(ns) {
            setTimeout(() => {
              ns.emit('bye', 'one');
              ns.emit('bye', 'two');
              process.exit();
            }, 1);
          },
          onExit(ns) {
            process.once('exit', () => {
              ns.emit('bye', 'one');
              ns.emit('bye', 'two');
            });
            process.exit();
          },
        },
      },
    },
    { fastPaths: { ...fastPaths, handle } },
  ),
);
const http = createServer();
server.attach(http);
http.listen(0, '127.0.0.1', () => {
  const address = http.address();
  process.send?.(typeof address === 'object' ? address?.port : address);
});
process.on('disconnect', () => process.exit());
