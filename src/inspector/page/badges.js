// @ts-nocheck – runs in browsers; the compiler has the types of Node only
// The number of connections in each state, at the edge of its box, where it covers no text.
import { number, say } from './view.js';

const svgNames = 'http://www.w3.org/2000/svg';

/** Writes the number of connections in each state of a drawing. */
export const count = (picture, counts) => {
  let isPlaced = true;
  for (const group of picture.querySelectorAll('[data-state]')) {
    const { state } = group.dataset;
    const here = counts.get(state) ?? 0;
    group.classList.toggle('active', here > 0);
    const box = group.querySelector(':scope > .box');
    if (!box) continue;
    const badge = badgeFor(picture, state);
    badge.box = box;
    say(badge.lastChild, here === 0 ? '' : number(here));
    badge.classList.toggle('empty', here === 0);
    const fits = `${badge.lastChild.textContent.length} ${zoomOf(box).toFixed(2)}`;
    isPlaced &&= badge.dataset.fits === fits;
    badge.dataset.fits = fits;
  }
  if (!isPlaced) placeAll(picture);
};

/** Returns the badge of a state, which lies above the rest of the drawing. */
const badgeFor = (picture, state) => {
  const known = [...picture.querySelectorAll('.badge')].find((badge) => badge.dataset.of === state);
  if (known) return known;
  const badge = document.createElementNS(svgNames, 'g');
  badge.setAttribute('class', 'badge');
  badge.dataset.of = state;
  badge.append(document.createElementNS(svgNames, 'rect'), document.createElementNS(svgNames, 'text'));
  picture.querySelector('g').append(badge);
  return badge;
};

/** How much a badge is enlarged, so that it stays readable in a small drawing. */
const zoomOf = (box) => Math.max(1, Math.min(2.4, 1 / (box.getScreenCTM()?.a || 1)));

/** Returns how much of two frames overlaps. */
const overlap = (one, other) => {
  const width = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const height = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  return Math.max(0, width) * Math.max(0, height);
};

/** Returns the places of a badge at the edge of a box, the best first. */
const placesAt = ({ x, y, width, height }, wide, high, zoom) => {
  const right = x + width;
  const bottom = y + height;
  return [
    { x: right - 9 * zoom, y: y - high / 2 },
    { x: right - wide + 6, y: y - high / 2 },
    { x: right - 9 * zoom, y: y + height / 2 - high / 2 },
    { x: right - 9 * zoom, y: bottom - high / 2 },
    { x: right - wide - 3, y: y + 3 },
    { x: right - wide - 3, y: bottom - high - 3 },
    { x: x - wide + 9 * zoom, y: y - high / 2 },
    { x: x - wide + 9 * zoom, y: bottom - high / 2 },
    { x: x + 3, y: bottom - high - 3 },
  ];
};

/** Places the badges, the innermost first, each where it covers least of the texts and of the badges before it. */
const placeAll = (picture) => {
  const taken = [...picture.querySelectorAll('text')]
    .filter((text) => text.closest('.badge') === null)
    .map((text) => text.getBBox());
  const whole = picture.querySelector('[data-state] > .box').getBBox();
  for (const badge of [...picture.querySelectorAll('.badge:not(.empty)')].reverse()) {
    const [rect, text] = badge.children;
    const zoom = zoomOf(badge.box);
    const wide = (12 + text.textContent.length * 8) * zoom;
    const high = 19 * zoom;
    let best;
    for (const { x, y } of placesAt(badge.box.getBBox(), wide, high, zoom)) {
      const place = { x, y, width: wide, height: high };
      // A place beyond the drawing would be cut off.
      const beyond = Math.max(0, x + wide - (whole.x + whole.width + 6), whole.x - 6 - x);
      const covered = taken.reduce((sum, frame) => sum + overlap(place, frame), beyond * high);
      if (!best || covered < best.covered) best = { place, covered };
      if (covered === 0) break;
    }
    taken.push(best.place);
    for (const [name, value] of Object.entries({ ...best.place, rx: high / 2 })) rect.setAttribute(name, String(value));
    text.setAttribute('x', String(best.place.x + wide / 2));
    text.setAttribute('y', String(best.place.y + 13.8 * zoom));
    text.setAttribute('font-size', String(12.5 * zoom));
  }
};
