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
  /** The stream that is listened to; and the one before it, which stays until that one is open. */
  let current;
  let former;
  let isWanted = false;

  const endFormer = () => {
    former?.close();
    former = undefined;
  };

  /** The new stream is there before the old one goes, so that the census goes on. */
  const listen = () => {
    isWanted = true;
    if (!isSeen()) return;
    // One that has not even opened is of no use: a browser has few connections for all of a page.
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
    endFormer();
    current?.close();
    current = undefined;
    status('resting');
  });
  return listen;
};
