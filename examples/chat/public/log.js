/** The messages and notices of a room. */
import { HUES, initialsOf } from './avatars.js';
import { partsOf } from './links.js';
import { $, LOBBY, make, page, roomShown } from './page.js';

const KEPT_MESSAGES = 300; // groups and notices kept on the page, per room

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });

/** Paints an avatar. */
export function paint(element, name, looks) {
  const { hue, shape } = looks.of(name);
  element.textContent = initialsOf(name);
  element.dataset.shape = String(shape);
  element.dataset.tone = hue % 2 === 0 ? 'pale' : 'deep';
  element.style.setProperty('--hue', String((360 / HUES) * hue));
}

export function avatar(name, looks) {
  const element = make('span', 'avatar');
  element.setAttribute('aria-hidden', 'true');
  paint(element, name, looks);
  return element;
}

/** Adds a message at the end. Returns whether this user wrote it. */
export function addMessage(room, { id, name: author, text, at }) {
  const mine = page.ids.has(id);
  const follow = mine || atEnd;
  const { last } = room;
  room.seen = Math.max(room.seen, at);
  if (last?.id === id && last.author === author && at - last.at < 300_000) {
    last.bubbles.append(bubble(text));
    last.at = at;
  } else {
    const time = make('time', '', clock.format(at));
    time.dateTime = new Date(at).toISOString();
    const head = make('div', 'group-head');
    head.append(make('b', mine ? 'unseen' : '', mine ? 'You' : author), time);
    const bubbles = make('div', 'bubbles');
    bubbles.append(bubble(text));
    const group = make('li', mine ? 'group mine' : 'group');
    group.append(avatar(author, room.looks), head, bubbles);
    addToLog(room, group);
    room.last = { id, author, at, bubbles };
  }
  if (room.name === page.current && follow) toEnd();
  else if (room.name === page.current) $('to-end').hidden = false;
  showEmpty();
  return mine;
}

/** Adds the messages that the server has kept, but for those that are shown already. */
export function addHistory(room, { lines, limit }) {
  const missed = lines.filter(({ at }) => at > room.seen);
  if (missed.length === 0) return;
  const isFirst = !room.last;
  // All that it keeps is new, so there may have been more.
  if (isFirst || missed.length === limit) {
    addNotice(
      room,
      isFirst ? 'Earlier messages' : 'Missed messages',
      `(this example keeps the last ${limit} of a room)`,
    );
  }
  for (const line of missed) addMessage(room, line);
}

/** Makes a bubble in which addresses are links. */
function bubble(text) {
  const element = make('p', 'bubble');
  for (const part of partsOf(text)) {
    if (!part.href) {
      element.append(part.text);
      continue;
    }
    const link = make('a', '', part.text);
    link.href = part.href;
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
    element.append(link);
  }
  return element;
}

export function addNotice(room, who, did) {
  const notice = make('li', 'notice');
  notice.append(make('b', '', who), ` ${did}`);
  addToLog(room, notice);
  room.last = {}; // the next message starts a new group
  showEmpty();
  if (atEnd) toEnd();
}

function addToLog({ log }, item) {
  log.append(item);
  if (log.children.length > KEPT_MESSAGES) log.firstElementChild.remove();
}

/** Shows a hint in a room without messages. */
export function showEmpty() {
  const room = roomShown();
  const empty = Boolean(room && !room.log.querySelector('.group'));
  $('scroller').classList.toggle('is-empty', empty);
  const alone = !(room?.people.length > 1);
  $('empty-title').textContent = !alone
    ? `Welcome to #${page.current}`
    : page.current === LOBBY
      ? 'No messages in the lobby yet'
      : `No messages in #${page.current} yet`;
  $('empty-text').textContent = alone
    ? 'Open this page in a second tab or share its address, then say hello.'
    : 'Nobody has said anything yet. Say hello!';
}

// A reader at the end follows new messages. A reader further up keeps the position.
const scroller = $('scroller');
let atEnd = true;

export function toEnd() {
  atEnd = true;
  scroller.scrollTop = scroller.scrollHeight;
  $('to-end').hidden = true;
}

scroller.addEventListener('scroll', () => {
  atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
  if (atEnd) $('to-end').hidden = true;
});
$('to-end').addEventListener('click', toEnd);
new ResizeObserver(() => atEnd && toEnd()).observe(scroller);
