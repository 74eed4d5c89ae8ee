// @ts-nocheck – it runs in browsers; the compiler is told of Node only
// The stream that says how things stand. A page that nobody sees watches nothing.
import { byId, say } from './view.js';

export const status = (text, isLive = false) => {
  const live = byId('live');
  say(live, text);
  live.classList.toggle('on', isLive);
};

const isSeen = () => document.visibilityState === 'visible';

/** Listens for the one that `follows` names, whenever it is told to and whenever the page is seen again. */
export const streaming = (follows, told) => {
  /** Every stream that is open, or about to be; the last one is listened to. */
  const streams = new Set();
  let current;
  let isWanted = false;

  const closeAllBut = (kept) => {
    for (const one of streams) if (one !== kept) one.close();
    streams.clear();
    if (kept) streams.add(kept);
  };

  /** The new stream is there before the old one goes, so that the census goes on. */
  const listen = () => {
    isWanted = true;
    if (!isSeen()) return;
    const next = new EventSource(`stream?follow=${encodeURIComponent(follows())}`);
    current = next;
    streams.add(next);
    next.onopen = () => {
      if (current === next) closeAllBut(next);
    };
    next.onmessage = ({ data }) => {
      if (current !== next) return;
      status('live', true);
      told(JSON.parse(data));
    };
    next.onerror = () => {
      if (current !== next) return;
      closeAllBut(next);
      status('no answer');
      // It tries again by itself, unless it was refused.
      if (next.readyState !== EventSource.CLOSED) return;
      status('not allowed, or gone');
      setTimeout(() => {
        if (current === next) listen();
      }, 2_000);
    };
  };

  document.addEventListener('visibilitychange', () => {
    if (!isWanted) return;
    if (isSeen()) return listen();
    current = undefined;
    closeAllBut(undefined);
    status('resting');
  });
  return listen;
};
