// @ts-nocheck – runs in browsers; the compiler has the types of Node only
// The stream of snapshots. A hidden page closes it, so that the server watches nothing for it.
import { byId, say } from './view.js';

export const status = (text, isLive = false) => {
  const live = byId('live');
  say(live, text);
  live.classList.toggle('on', isLive);
};

const isSeen = () => document.visibilityState === 'visible';

/** Returns a function that opens the stream for the connection of `follows()`. A page that becomes visible reopens it. */
export const streaming = (follows, told) => {
  /** The stream in use, and the one before it, which closes when the new one is open. */
  let current;
  let former;
  let isWanted = false;

  const endFormer = () => {
    former?.close();
    former = undefined;
  };

  /** Opens the new stream before the old one closes, so that the state counts continue. */
  const listen = () => {
    isWanted = true;
    if (!isSeen()) return;
    // Closes a stream that is not open yet: a browser allows a page few connections.
    if (current?.readyState === EventSource.OPEN) {
      endFormer();
      former = current;
    } else current?.close();
    const next = new EventSource(`stream?follow=${encodeURIComponent(follows())}`);
    current = next;
    next.onopen = () => {
      if (current === next) endFormer();
    };
    next.onmessage = ({ data }) => {
      if (current !== next) return;
      status('live', true);
      told(JSON.parse(data));
    };
    next.onerror = () => {
      if (current !== next) return;
      endFormer();
      status('reconnecting');
      // EventSource reconnects by itself, unless the server refused it.
      if (next.readyState !== EventSource.CLOSED) return;
      status('no access');
      setTimeout(() => {
        if (current === next) listen();
      }, 2_000);
    };
  };

  document.addEventListener('visibilitychange', () => {
    if (!isWanted) return;
    if (isSeen()) return listen();
    endFormer();
    current?.close();
    current = undefined;
    status('paused');
  });
  return listen;
};
