// @ts-nocheck – runs in browsers; the compiler has the types of Node only
// What has happened to a connection: the steps of its chart, and the names of its messages.
import { clock, duration, make, number, pathOf } from './view.js';

const timesOf = (times) => (times > 1 ? make('span', { class: 'times' }, ` × ${number(times)}`) : '');

/** Lets a line end behind the dots of a name. */
const breakable = (text) => text.split(/(?<=[.])/).flatMap((part) => [part, make('wbr')]);

/** A step of a chart. A step without a transition has no `way`. */
const stepRow = ({ time, event, times = 1, way, why }) =>
  make(
    'li',
    { class: way === '' ? 'step' : 'step move' },
    make('time', {}, time),
    make('span', { class: 'event' }, event, timesOf(times)),
    way === '' ? '' : make('span', { class: 'way' }, ...breakable(way)),
    why === '' ? '' : make('span', { class: 'why' }, why),
  );

/** A step from the recorder. */
export const recordedRow = ({ at, event, from, to, why }) =>
  stepRow({ time: duration(at), event, way: `${from} → ${to}`, why });

/** Returns the innermost states, which imply the others. */
export const innermost = (states) => states.filter((state) => !states.some((other) => other.startsWith(`${state}.`)));

/** A step since the connection is followed. */
export const historyRow = ({ at, event, from, to, why, times }) => {
  const ends = [innermost(from), innermost(to)].map((states) => states.map(pathOf).join(' + ') || '–');
  const way = from.length + to.length > 0 ? ends.join(' → ') : '';
  return stepRow({ time: clock(at), event, times, way, why });
};

const placeOf = (namespace, room) =>
  `${namespace === '' ? '(empty namespace)' : namespace}${room === '' ? '' : ` / ${room}`}`;

const kinds = { event: '', ask: 'ask', answer: 'answer', error: 'error', native: 'native', invalid: 'no frame' };
const directions = { in: 'from the client', out: 'to the client' };

/** A message by its names. */
export const messageRow = ({ at, direction, kind, event, namespace, room, times }) => {
  const isNamed = event !== '';
  const notes = [...(isNamed ? [placeOf(namespace, room)] : []), ...(isNamed && kinds[kind] ? [kinds[kind]] : [])];
  return make(
    'li',
    { class: `step message ${direction}`, 'data-kind': kind },
    make('time', {}, clock(at)),
    make(
      'span',
      { class: 'event' },
      make('span', { class: 'direction', title: directions[direction] }, direction),
      isNamed ? event : kinds[kind],
      timesOf(times),
    ),
    notes.length === 0 ? '' : make('span', { class: 'place' }, notes.join(' · ')),
  );
};
