// @ts-nocheck – it runs in browsers; the compiler is told of Node only
// Hands what the server tells to the inspector that this browser has loaded, which is a page of somebody else's.

const frame = document.getElementById('stately');
const said = document.getElementById('said');
const theirs = new URL(frame.src).origin;
const follows = new URLSearchParams(location.search).get('follow') ?? '';

let told = 0;

/** From now on it is told, and first of the actors that live. */
const begin = () => {
  const stream = new EventSource(`stately-stream?follow=${encodeURIComponent(follows)}`);
  stream.addEventListener('message', ({ data }) => {
    frame.contentWindow?.postMessage(JSON.parse(data), theirs);
    told++;
    said.textContent = `Following the root actor${follows === '' ? '' : ` and ${follows}`}: ${told} messages.`;
  });
  stream.addEventListener('error', () => {
    said.textContent = 'The server is away, or does not let you look any more.';
  });
};

let hasBegun = false;
window.addEventListener('message', ({ origin, source, data }) => {
  const isReady = origin === theirs && source === frame.contentWindow && data?.type === '@statelyai.connected';
  if (!isReady || hasBegun) return;
  hasBegun = true;
  begin();
});
