// @ts-nocheck – runs in browsers; the compiler has the types of Node only
// The stream of snapshots. A hidden page closes it, so that the server watches nothing for it.
import { byId, say } from './view.js';

export const status = (text, isLive = false) => {
  const live = byId('live');
  say(live, text);
  live.classList.toggle('on', isLive);
};

const isVisible = () => document.visibilityState === 'visible';

/** Returns a function that opens the stream for the connection of `follows()`. A page that becomes visible reopens it. */
export const streaming = (follows, onSnapshot) => {
  /** The stream in use, and the one before it, which closes when the new one is open. */
  let current;
  let former;
  let isStarted = false;

  const closeFormer = () => {
    former?.close();
    former = undefined;
  };

  /** Opens the new stream before the old one closes, so that the state counts continue. */
  const open = () => {
    isStarted = true;
    if (!isVisible()) return;
    // Closes a stream that is not open yet: a browser allows a page few connections.
    if (current?.readyState === EventSource.OPEN) {
      closeFormer();
      former = current;
    } else current?.close();
    const next = new EventSource(`stream?follow=${encodeURIComponent(follows())}`);
    current = next;
    next.onopen = () => {
      if (current === next) closeFormer();
    };
    next.onmessage = ({ data }) => {
      if (current !== next) return;
      status('live', true);
      onSnapshot(JSON.parse(data));
    };
    next.onerror = () => {
      if (current !== next) return;
      closeFormer();
      status('reconnecting');
      // EventSource reconnects by itself, unless the server refused it.
      if (next.readyState !== EventSource.CLOSED) return;
      status('no access');
      setTimeout(() => {
        if (current === next) open();
      }, 2_000);
    };
  };

  document.addEventListener('visibilitychange', () => {
    if (!isStarted) return;
    if (isVisible()) return open();
    closeFormer();
    current?.close();
    current = undefined;
    status('paused');
  });
  return open;
};
