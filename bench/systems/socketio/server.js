// Socket.IO over WebSocket only: node bench/systems/socketio/server.js [deflate]
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { nextTick, serve } from '../nodeSystem.js';

const event = 'tick';
let counted = 0;

const http = createServer();
const io = new Server(http, {
  transports: ['websocket'],
  // A socket that keeps the window between messages compresses them all, whatever the threshold.
  perMessageDeflate: process.argv.includes('deflate') && { threshold: 1_024, serverNoContextTakeover: true },
  httpCompression: false,
  serveClient: false,
  maxHttpBufferSize: 65_536,
});

io.on('connection', (socket) => {
  socket.on('join', (room, done) => {
    void socket.join(room);
    done();
  });
  socket.on('echo', (body, done) => done(body));
  socket.on('count', () => {
    counted++;
  });
  socket.on('speak', (room, body) => io.to(room).emit(event, body));
});

const sockets = () => [...io.sockets.sockets.values()];

/** Joins the cluster. Loads the adapter here, because the other rows would pay for its memory. @param {string} url */
const joinCluster = async (url) => {
  const [{ createAdapter }, { createClient }] = await Promise.all([
    import('@socket.io/redis-adapter'),
    import('redis'),
  ]);
  const publishing = createClient({ url });
  const subscribing = publishing.duplicate();
  await Promise.all([publishing.connect(), subscribing.connect()]);
  io.adapter(createAdapter(publishing, subscribing));
  // The adapter does not report its subscription. Redis answers this ping after it.
  await subscribing.ping();
};

http.listen(0, '127.0.0.1', () => {
  const address = http.address();
  serve(
    {
      publish: (room, body) => (room === '' ? io : io.to(room)).emit(event, body),
      flushed: nextTick,
      ways: {
        emit: () => sockets().map((socket) => (body) => socket.emit(event, body)),
        to: () =>
          sockets().map(
            ({ id }) =>
              (body) =>
                io.to(id).emit(event, body),
          ),
      },
      members: () => io.sockets.sockets.size,
      counted: () => counted,
      evicted: () => 0,
      joinCluster,
    },
    typeof address === 'object' && address ? address.port : 0,
  );
});
