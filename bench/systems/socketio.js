import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { serve, turn } from './duties.js';

const event = 'tick';
let counted = 0;
/** @type {import('socket.io').Socket[]} */
const members = [];

const http = createServer();
const io = new Server(http, {
  transports: ['websocket'],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
  maxHttpBufferSize: 65_536,
});

io.on('connection', (socket) => {
  members.push(socket);
  socket.on('join', (room, done) => {
    void socket.join(room);
    done();
  });
  socket.on('echo', (body, done) => done(body));
  socket.on('count', () => {
    counted++;
  });
  socket.on('speak', (room, body) => io.to(room).emit(event, body));
  socket.on('disconnect', () => {
    const at = members.lastIndexOf(socket);
    const last = members.pop();
    if (last && last !== socket) members[at] = last;
  });
});

http.listen(0, '127.0.0.1', () => {
  const address = http.address();
  serve(
    {
      issue: (room, body) => (room === '' ? io : io.to(room)).emit(event, body),
      handedOver: turn,
      emit: (index, body) => members[index]?.emit(event, body),
      to: (index, body) => io.to(members[index]?.id ?? '').emit(event, body),
      members: () => members.length,
      counted: () => counted,
    },
    typeof address === 'object' && address ? address.port : 0,
  );
});
