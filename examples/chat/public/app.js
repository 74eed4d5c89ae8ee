/** The page of the chat. Everything that it knows of its server comes by Muster's client. */
import { dial } from 'musterjs/client';
import { app } from './contract.js';

const LOBBY = 'lobby';
const TYPING_EVERY = 2_000; // ms between two typing events
const TYPING_LASTS = 3_500; // ms until a typing indicator expires
const KEPT_MESSAGES = 300; // groups and notices kept on the page, per room

const $ = (/** @type {string} */ id) => document.getElementById(id);

/** The name of this user. Undefined before sign-in. */
let me;
/** The client, and its handle of the namespace. Both stay the same when the line is lost and comes back. */
let client;
let chat;
/** The joined rooms: name -> { name, log, people, unread, typing, last }. */
const joined = new Map();
/** The room on screen. */
let current = '';

// ── The client ──────────────────────────────────────────────────────────────────────────────────

/** Connects as this user. Rejects with the server's reason if it refuses. */
async function connect(name) {
  me = name;
  client = dial('/live', {
    contract: app,
    auth: () => name,
    namespaces: {
      chat: {
        count: (_, { data: total }) => showTotal(total),
        rooms: (_, { data: rooms }) => showRooms(rooms),
      },
    },
    // The client has joined every room again but these.
    onReconnect({ refused }) {
      for (const { room, error } of refused) forget(room, error);
    },
    onError: (error) => toast(error.message),
  });
  client.subscribe(showState);
  showState();
  await client.ready;
  chat = await client.connect('chat');
}

/** What a room hears. */
const eventsOf = (room) => ({
  said({ data: said }) {
    stopTyping(room, said.id);
    addMessage(room, said);
  },
  typing({ data: { id, name } }) {
    stopTyping(room, id);
    room.typing.set(id, { name, timer: setTimeout(() => stopTyping(room, id), TYPING_LASTS) });
    showTyping();
  },
  presence({ data: { kind, id, name, people } }) {
    room.people = people;
    stopTyping(room, id);
    if (id !== client.id) addNotice(room, name, kind);
    else if (kind === 'joined') addNotice(room, 'You', room.last ? 'are back' : 'joined');
    if (room.name !== current) return;
    showPeople();
    showEmpty();
  },
});

// ── The state of the client ─────────────────────────────────────────────────────────────────────

const isOnline = () => client?.state === 'online';

function showState() {
  if (!me) return;
  const { state } = client;
  const isClosed = state === 'closed';
  const words = isOnline() ? 'Online' : isClosed ? 'Disconnected' : state === 'offline' ? 'Offline' : 'Reconnecting…';
  $('app').dataset.state = isOnline() ? 'online' : 'offline';
  $('status').dataset.state = isOnline() ? 'online' : 'offline';
  set($('status'), words);
  $('banner').hidden = isOnline();
  if (!isOnline()) {
    for (const room of joined.values()) for (const id of room.typing.keys()) stopTyping(room, id);
    set($('banner-text'), isClosed ? whyOffline() : `${whyOffline()} Reconnecting…`);
    if ($('app').hidden && client.reason && !isClosed) sayAtDoor('Cannot reach the server. Trying again…');
  }
  set($('again'), isClosed ? 'Connect again' : 'Try now');
  if (isOnline()) $('toast').hidden = true;
  showComposer();
}

/** Returns why the line ended, in words. */
function whyOffline() {
  const { code, text } = client.reason ?? {};
  if (client.state === 'offline') return 'This device is offline.';
  if (code === 1001 || code === 1012) return 'The server has closed the connection.';
  if (code === 1013) return 'The server is busy.';
  if (code >= 4000 && code < 4100) return `The server asked you to leave${text ? `: ${text}` : '.'}`;
  if (client.state === 'closed') return `The server has closed the connection${text ? `: ${text}` : '.'}`;
  return 'The connection is lost.';
}

$('again').addEventListener('click', async () => {
  if (client.state !== 'closed') return client.retry();
  // The server has ended it for good, so this client does not come back. Another one may.
  try {
    await connect(me);
    for (const room of joined.values()) await join(room);
    if (!joined.has(current)) await open(LOBBY);
  } catch {
    // The banner says why.
  }
});

function showTotal(total) {
  $('total').textContent = `${total} connected`;
}

// ── Sign-in and sign-out ────────────────────────────────────────────────────────────────────────

const suggestName = () => {
  const pick = (/** @type {string} */ words) => words.split(' ')[Math.floor(Math.random() * words.split(' ').length)];
  const first = pick(
    'Amber Brave Bright Calm Clever Gentle Golden Happy Kind Merry Misty Quiet Silver Sunny Swift Warm',
  );
  return `${first} ${pick('Badger Curlew Dolphin Falcon Finch Fox Hare Heron Lark Lynx Marten Otter Owl Robin Seal Wren')}`;
};

$('shuffle').addEventListener('click', () => {
  $('name').value = suggestName();
});

$('enter').addEventListener('submit', (event) => {
  event.preventDefault();
  const name = $('name').value.trim();
  $('enter-error').textContent = name ? '' : 'Please enter a name.';
  if (name) enter(name);
});

/** Shows why the user is not in yet. */
function sayAtDoor(text) {
  $('enter').hidden = false;
  set($('enter-error'), text);
}

async function enter(name) {
  $('enter-button').disabled = true;
  try {
    await connect(name);
    remember(name);
    $('my-name').textContent = name;
    paint($('my-avatar'), name);
    $('welcome').hidden = true;
    $('app').hidden = false;
    const wished = hashRoom();
    await open(LOBBY);
    if (wished) await open(wished);
    $('draft').focus();
  } catch (error) {
    me = undefined;
    sayAtDoor(error.message);
  } finally {
    $('enter-button').disabled = false;
  }
}

$('sign-out').addEventListener('click', () => {
  me = undefined;
  client.close();
  for (const { log } of joined.values()) log.remove();
  joined.clear();
  current = '';
  forgetMe();
  closeDrawers();
  history.replaceState(null, '', location.pathname);
  document.title = 'Muster';
  $('enter-error').textContent = '';
  $('app').hidden = true;
  $('enter').hidden = false;
  $('welcome').hidden = false;
  $('name').focus();
});

// Private windows may refuse storage. The name is then not remembered.
function stored(act) {
  try {
    return act();
  } catch {
    return null;
  }
}
/** This tab comes back under its name. A new tab suggests it. */
const remember = (name) => stored(() => [localStorage, sessionStorage].map((at) => at.setItem('muster.name', name)));
const forgetMe = () => stored(() => sessionStorage.removeItem('muster.name'));

const before = stored(() => sessionStorage.getItem('muster.name'));
$('name').value = before || stored(() => localStorage.getItem('muster.name')) || suggestName();
$('name').select();
$('name').focus();

// ── Rooms ───────────────────────────────────────────────────────────────────────────────────────

/** Shows a room. Joins it first if necessary. */
async function open(name) {
  if (!joined.has(name)) {
    if (!isOnline()) return toast('You are offline. Try again once you are connected.');
    const log = make('ol', 'log');
    log.setAttribute('role', 'log');
    log.setAttribute('aria-label', `Messages in ${name}`);
    log.hidden = true;
    $('logs').append(log);
    const room = { name, log, people: [], unread: 0, typing: new Map() };
    joined.set(name, room);
    if (!(await join(room))) return;
  }
  current = name;
  joined.get(name).unread = 0;
  for (const [key, { log }] of joined) log.hidden = key !== name;
  history.replaceState(null, '', name === LOBBY ? location.pathname : `#${encodeURIComponent(name)}`);
  $('room-title').textContent = name;
  $('draft').placeholder = `Message #${name}`;
  $('leave-room').hidden = name === LOBBY;
  showRooms();
  showPeople();
  showTyping();
  showEmpty();
  toEnd();
}

/** Joins a room once. After a reconnect the client joins it again. Returns whether the server agreed. */
async function join(room) {
  try {
    await chat.joinRoom(room.name, { on: eventsOf(room) });
    return true;
  } catch (error) {
    forget(room.name, error);
    return false;
  }
}

/** Takes a room off the page, and says why. */
function forget(name, error) {
  joined.get(name)?.log.remove();
  joined.delete(name);
  if (error) toast(error.message);
  if (name === current && name !== LOBBY) open(LOBBY);
}

$('leave-room').addEventListener('click', async () => {
  const name = current;
  try {
    await chat.room(name)?.leave();
  } catch (error) {
    return toast(error.message);
  }
  forget(name);
  $('draft').focus();
});

$('new-room').addEventListener('submit', async (event) => {
  event.preventDefault();
  const name = $('room-name')
    .value.trim()
    .replace(/^#+\s*/, '');
  if (!name) return $('room-name').focus();
  $('room-name').value = '';
  await open(name);
  closeDrawers();
  $('draft').focus();
});

addEventListener('hashchange', () => current && open(hashRoom() || LOBBY));

function hashRoom() {
  try {
    return decodeURIComponent(location.hash.slice(1)).trim();
  } catch {
    return '';
  }
}

let known = [];

/** Draws the list of rooms at the left. Without an argument, draws the same rooms again. */
function showRooms(rooms = known) {
  known = rooms;
  sync(
    $('rooms'),
    rooms.map((room) => [room.name, room]),
    () => {
      const button = make('button', 'room-link');
      button.type = 'button';
      button.append(make('span', 'room-name'), make('span', 'room-count'));
      const item = make('li');
      item.append(button);
      return item;
    },
    (item, { name, people }) => {
      const [button] = item.children;
      const [label, count] = button.children;
      const unread = joined.get(name)?.unread ?? 0;
      button.toggleAttribute('aria-current', name === current);
      button.classList.toggle('unread', unread > 0);
      label.textContent = name;
      count.className = unread ? 'room-unread' : 'room-count';
      count.textContent = unread || people;
      button.setAttribute(
        'aria-label',
        `${name}, ${people === 1 ? '1 person' : `${people} people`}${unread ? `, ${unread} unread` : ''}`,
      );
      button.onclick = () => {
        open(name);
        closeDrawers();
      };
    },
  );
  const unread = [...joined.values()].reduce((sum, room) => sum + room.unread, 0);
  $('unread-dot').hidden = !unread;
  document.title = unread ? `(${unread}) Muster` : 'Muster';
}

/** Draws the list of people at the right, the avatars in the header, and the line under the room's name. */
function showPeople() {
  const people = [...(joined.get(current)?.people ?? [])].sort(
    (a, b) => (b.id === client.id) - (a.id === client.id) || a.name.localeCompare(b.name),
  );
  $('room-sub').textContent = people.length > 1 ? `${people.length} people here` : 'Only you so far';
  sync(
    $('people'),
    people.map((person) => [person.id, person]),
    (person) => {
      const item = make('li', 'person');
      const label = make('span', '', person.name);
      if (person.id === client.id) label.append(make('small', '', 'you'));
      item.append(avatar(person.name), label);
      return item;
    },
  );
  const faces = people.slice(0, people.length > 3 ? 2 : 3).map(({ name }) => avatar(name));
  if (people.length > 3) faces.push(make('span', 'avatar more', `+${people.length - 2}`));
  $('show-people').replaceChildren(...faces);
  $('show-people').setAttribute('aria-label', `People in this room: ${people.length}`);
}

// ── Messages ────────────────────────────────────────────────────────────────────────────────────

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });

function addMessage(room, { id, name: author, text, at }) {
  const mine = id === client.id;
  const follow = mine || atEnd;
  const { last } = room;
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
    group.append(avatar(author), head, bubbles);
    addToLog(room, group);
    room.last = { id, author, at, bubbles };
  }
  if (room.name !== current) {
    room.unread++;
    showRooms();
  } else if (follow) toEnd();
  else $('to-end').hidden = false;
  showEmpty();
}

/** Makes a bubble in which addresses are links. */
function bubble(text) {
  const element = make('p', 'bubble');
  let end = 0;
  for (const { 0: address, index } of text.matchAll(/\bhttps?:\/\/[^\s<>"]*[^\s<>"'.,;:!?)\]}]/g)) {
    const link = make('a', '', address);
    link.href = address;
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
    element.append(text.slice(end, index), link);
    end = index + address.length;
  }
  element.append(text.slice(end));
  return element;
}

function addNotice(room, who, did) {
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
function showEmpty() {
  const room = joined.get(current);
  const empty = Boolean(room && !room.log.querySelector('.group'));
  $('scroller').classList.toggle('is-empty', empty);
  const alone = !(room?.people.length > 1);
  $('empty-title').textContent = !alone
    ? `Welcome to #${current}`
    : current === LOBBY
      ? 'No messages in the lobby yet'
      : `No messages in #${current} yet`;
  $('empty-text').textContent = alone
    ? 'Open this page in a second tab or share its address, then say hello.'
    : 'You see messages from now on. Say hello!';
}

// A reader at the end follows new messages. A reader further up keeps the position.
const scroller = $('scroller');
let atEnd = true;

function toEnd() {
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

// ── Writing ─────────────────────────────────────────────────────────────────────────────────────

const draft = $('draft');
let typedAt = 0;

draft.addEventListener('input', () => {
  showComposer();
  if (isOnline() && draft.value.trim() && Date.now() - typedAt > TYPING_EVERY) {
    typedAt = Date.now();
    chat.room(current)?.emit('type');
  }
});

draft.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});

$('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  send();
});

async function send() {
  const text = draft.value.trim();
  if (!text) return draft.focus();
  // The client would keep the message and send it later. Here the user sees that it waits: it stays in the field.
  if (!isOnline()) return toast('You are offline. Your message stays here until you are connected.');
  draft.value = '';
  typedAt = 0;
  showComposer();
  draft.focus();
  try {
    await chat.ask('say', { room: current, text });
  } catch (error) {
    draft.value ||= text;
    showComposer();
    toast(`Not sent: ${error.message}`);
  }
}

function showComposer() {
  const left = 500 - draft.value.length;
  $('left').textContent = left < 100 ? String(left) : '';
  $('composer')
    .querySelector('.send')
    .setAttribute('aria-disabled', String(!isOnline() || !draft.value.trim()));
  draft.style.height = 'auto';
  draft.style.height = `${Math.max(40, draft.scrollHeight)}px`;
}

function stopTyping(room, id) {
  clearTimeout(room.typing.get(id)?.timer);
  if (room.typing.delete(id)) showTyping();
}

function showTyping() {
  const names = [...(joined.get(current)?.typing.values() ?? [])].map(({ name }) => name);
  $('typing').classList.toggle('on', names.length > 0);
  if (names.length === 1) $('typing-text').textContent = `${names[0]} is typing`;
  else if (names.length === 2) $('typing-text').textContent = `${names[0]} and ${names[1]} are typing`;
  else if (names.length > 2) $('typing-text').textContent = 'Several people are typing';
}

// ── Drawers on narrow screens ───────────────────────────────────────────────────────────────────

const drawers = [
  { pane: $('rooms-pane'), opener: $('show-rooms'), narrow: matchMedia('(max-width: 720px)') },
  { pane: $('people-pane'), opener: $('show-people'), narrow: matchMedia('(max-width: 1020px)') },
];

for (const { pane, opener, narrow } of drawers) {
  opener.addEventListener('click', () => {
    pane.classList.add('open');
    opener.setAttribute('aria-expanded', 'true');
    $('scrim').hidden = false;
    pane.querySelector('button')?.focus({ preventScroll: true });
  });
  narrow.addEventListener('change', closeDrawers);
}

function closeDrawers() {
  for (const { pane, opener } of drawers) {
    const wasOpen = pane.classList.contains('open');
    const hadFocus = pane.contains(document.activeElement);
    pane.classList.remove('open');
    opener.setAttribute('aria-expanded', 'false');
    if (wasOpen && hadFocus) opener.focus();
  }
  $('scrim').hidden = true;
}

$('scrim').addEventListener('click', closeDrawers);
$('hide-people').addEventListener('click', closeDrawers);
addEventListener('keydown', (event) => event.key === 'Escape' && closeDrawers());

// ── Small things ────────────────────────────────────────────────────────────────────────────────

/** Makes every element of the page. Texts go through `textContent`, so they are never markup. */
function make(tag, className = '', text = '') {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}

/** Sets a text only if it differs, so that screen readers do not repeat it. */
function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function avatar(name) {
  const element = make('span', 'avatar');
  element.setAttribute('aria-hidden', 'true');
  paint(element, name);
  return element;
}

/** Paints initials on the color of the name. */
function paint(element, name) {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? [name];
  const letters = words.length > 1 ? [words[0], words.at(-1)].map((word) => [...word][0]) : [...words[0]].slice(0, 2);
  element.textContent = letters.join('').toUpperCase();
  element.style.setProperty('--hue', String(hueOf(name)));
}

/** The hue of each name that this page has shown. */
const hues = new Map();

/** Returns the hue of a name: by its letters, and turned on while another name has one like it. */
function hueOf(name) {
  let hue = 7;
  for (const char of name) hue = (hue * 31 + char.codePointAt(0)) % 360;
  const isTaken = () => [...hues.values()].some((other) => Math.abs(((hue - other + 540) % 360) - 180) < 25);
  for (let turns = 0; turns < 24 && !hues.has(name) && isTaken(); turns++) hue = (hue + 137) % 360;
  if (!hues.has(name)) hues.set(name, hue);
  return hues.get(name);
}

/** Updates a list to these `[key, value]` entries in this order, and reuses its items. */
function sync(list, entries, create, update = () => {}) {
  const items = new Map([...list.children].map((item) => [item.dataset.key, item]));
  entries.forEach(([key, value], index) => {
    const item = items.get(key) ?? create(value);
    items.delete(key);
    item.dataset.key = key;
    update(item, value);
    if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
  });
  for (const item of items.values()) item.remove();
}

let toastTimer;

function toast(text) {
  clearTimeout(toastTimer);
  $('toast').textContent = text;
  $('toast').hidden = false;
  toastTimer = setTimeout(() => {
    $('toast').hidden = true;
  }, 4_000);
}

if (before) {
  $('enter').hidden = true;
  enter(before);
}
