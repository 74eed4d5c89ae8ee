// @ts-nocheck – runs in browsers; the compiler has the types of Node only
// Forwards the server's messages to Stately's inspector, which runs in the frame under its own origin.

const frame = document.getElementById('stately');
const status = document.getElementById('status');
const statelyOrigin = new URL(frame.dataset.src).origin;
const follows = new URLSearchParams(location.search).get('follow') ?? '';

let forwarded = 0;

/** Opens the stream, which begins with the live actors, and forwards each message. */
const begin = () => {
  const stream = new EventSource(`stately-stream?follow=${encodeURIComponent(follows)}`);
  stream.addEventListener('message', ({ data }) => {
    frame.contentWindow?.postMessage(JSON.parse(data), statelyOrigin);
    forwarded++;
    status.textContent = `Following the root actor${follows === '' ? '' : ` and ${follows}`}: ${forwarded} messages.`;
  });
  stream.addEventListener('error', () => {
    status.textContent = 'The server is unreachable or denies access.';
  });
};

let hasBegun = false;
window.addEventListener('message', ({ origin, source, data }) => {
  const isReady = origin === statelyOrigin && source === frame.contentWindow && data?.type === '@statelyai.connected';
  if (!isReady || hasBegun) return;
  hasBegun = true;
  begin();
});

// Only now, as the frame says that it is ready just once.
frame.src = frame.dataset.src;
