// Socket.IO, over websockets alone and without compression: node bench/systems/socketio/server.js
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { serve, turn } from '../duties.js';

const event = 'tick';
let counted = 0;

const http = createServer();
const io = new Server(http, {
  transports: ['websocket'],
  perMessageDeflate: false,
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

/** Loaded where it is needed: in all other rows it would only take room. @param {string} url */
const joinCluster = async (url) => {
  const [{ createAdapter }, { createClient }] = await Promise.all([
    import('@socket.io/redis-adapter'),
    import('redis'),
  ]);
  const publishing = createClient({ url });
  const subscribing = publishing.duplicate();
  await Promise.all([publishing.connect(), subscribing.connect()]);
  io.adapter(createAdapter(publishing, subscribing));
  // The adapter tells nobody when it has subscribed; this is answered after that.
  await subscribing.ping();
};

http.listen(0, '127.0.0.1', () => {
  const address = http.address();
  serve(
    {
      issue: (room, body) => (room === '' ? io : io.to(room)).emit(event, body),
      handedOver: turn,
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
