/**
 * The page of the chat. It connects to Muster with the unmodified neffos browser client.
 *
 * Two things to know about that client:
 * - It sends a handler's return value back to the server, so handlers here return nothing.
 * - If the connection is lost, an ask stays pending forever, so each one here has a deadline (`within`).
 */
import * as neffos from '/neffos.js';

const LOBBY = 'lobby';
const DEADLINE = 5_000; // ms to wait for any answer
const TYPING_EVERY = 2_000; // ms between two typing events
const TYPING_LASTS = 3_500; // ms until a typing indicator expires
const KEPT_MESSAGES = 300; // groups and notices kept on the page, per room

const $ = (/** @type {string} */ id) => document.getElementById(id);

/** This user: name, and id of the current connection. Undefined before sign-in. */
let me;
/** The live connection: { conn, chat }. Undefined while disconnected. */
let session;
/** The joined rooms: name -> { log, people, unread, typing, last }. */
const joined = new Map();
/** The room on screen. */
let current = '';

// ── Events from the server ──────────────────────────────────────────────────────────────────────

const events = {
  _OnNamespaceDisconnect(chat) {
    if (chat === session?.chat) lost();
  },
  count(_, msg) {
    showTotal(Number(msg.Body));
  },
  rooms(_, msg) {
    showRooms(msg.unmarshal());
  },
  presence(_, msg) {
    const { room: name, id, name: who, kind, people } = msg.unmarshal();
    const room = joined.get(name);
    if (!room) return;
    room.people = people;
    stopTyping(room, id);
    if (id !== me.id) addNotice(room, who, kind === 'joined' ? 'joined' : 'left');
    else if (kind === 'joined') addNotice(room, 'You', room.last ? 'are back' : 'joined');
    if (name !== current) return;
    showPeople();
    showEmpty();
  },
  said(_, msg) {
    const room = joined.get(msg.Room);
    if (!room) return;
    const said = msg.unmarshal();
    stopTyping(room, said.id);
    addMessage(msg.Room, room, said);
  },
  typing(_, msg) {
    const room = joined.get(msg.Room);
    if (!room) return;
    const { id, name } = msg.unmarshal();
    stopTyping(room, id);
    room.typing.set(id, { name, timer: setTimeout(() => stopTyping(room, id), TYPING_LASTS) });
    showTyping();
  },
  // Arrives with an error only: the server refused the message.
  say(_, msg) {
    if (msg.Err) toast(msg.Err.message);
  },
};

// ── The connection ──────────────────────────────────────────────────────────────────────────────

/** Connects, introduces the user, and joins the rooms again. */
async function connect() {
  const conn = await within(neffos.dial('/live', { chat: events }), (late) => late.close());
  try {
    const chat = await within(conn.connect('chat'));
    const answer = await within(chat.ask('introduce', neffos.marshal({ name: me.name })));
    const hello = answer.unmarshal();
    Object.assign(me, { id: hello.id, name: hello.name });
    for (const name of joined.keys()) await within(chat.joinRoom(name));
    if (conn.isClosed()) throw new Error('The connection was lost.');
    session = { conn, chat };
    showTotal(hello.total);
    if (!joined.size) showRooms(hello.rooms);
    showOnline();
  } catch (error) {
    conn.close();
    throw error;
  }
}

function lost() {
  const { conn } = session;
  session = undefined;
  queueMicrotask(() => conn.close());
  for (const room of joined.values()) for (const id of room.typing.keys()) stopTyping(room, id);
  showOffline('Connection lost. Reconnecting…');
  reconnect();
}

let wake = () => {};

/**
 * Connects again, with increasing delays. The `reconnect` option of neffos.js would report no progress, give up
 * after a failed dial, and restore namespaces in some browsers only.
 */
async function reconnect() {
  for (let attempt = 0; me && !session; attempt++) {
    const pause = Math.min(8_000, 400 * 2 ** attempt) * (0.75 + Math.random() / 2);
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, pause);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    if (!me) return;
    await connect().catch(() => showOffline('Still disconnected. Retrying…'));
  }
}

/** Settles like `promise`, or rejects after the deadline. A later result goes to `tooLate`. */
function within(promise, tooLate = () => {}) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      promise.then(tooLate, () => {});
      reject(new Error('The server did not answer in time.'));
    }, DEADLINE);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

addEventListener('online', () => wake());
document.addEventListener('visibilitychange', () => document.hidden || wake());
$('retry').addEventListener('click', () => wake());

function showOnline() {
  $('toast').hidden = true;
  setState('online', 'Online');
  $('banner').hidden = true;
}

function showOffline(text) {
  if (!me) return;
  $('toast').hidden = true;
  setState('offline', 'Reconnecting…');
  $('banner-text').textContent = text;
  $('banner').hidden = false;
}

function setState(state, text) {
  $('app').dataset.state = state;
  $('status').dataset.state = state;
  $('status').textContent = text;
  showComposer();
}

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

$('name').value = remembered() || suggestName();
$('name').select();
$('name').focus();

$('shuffle').addEventListener('click', () => {
  $('name').value = suggestName();
});

$('enter').addEventListener('submit', async (event) => {
  event.preventDefault();
  const name = $('name').value.trim();
  $('enter-error').textContent = name ? '' : 'Please enter a name.';
  if (!name) return;
  $('enter-button').disabled = true;
  me = { name };
  try {
    await connect();
    remember(me.name);
    $('my-name').textContent = me.name;
    paint($('my-avatar'), me.name);
    $('welcome').hidden = true;
    $('app').hidden = false;
    const wished = hashRoom();
    await open(LOBBY);
    if (wished) await open(wished);
    $('draft').focus();
  } catch (error) {
    me = undefined;
    $('enter-error').textContent = error instanceof Event ? 'Cannot reach the server. Is it running?' : error.message;
  } finally {
    $('enter-button').disabled = false;
  }
});

$('sign-out').addEventListener('click', () => {
  const conn = session?.conn;
  me = session = undefined;
  conn?.close();
  wake();
  for (const { log } of joined.values()) log.remove();
  joined.clear();
  current = '';
  closeDrawers();
  history.replaceState(null, '', location.pathname);
  document.title = 'Muster';
  $('banner').hidden = true;
  $('app').hidden = true;
  $('welcome').hidden = false;
  $('name').focus();
});

// Private windows may refuse storage. The name is then not remembered.
function remember(name) {
  try {
    localStorage.setItem('muster.name', name);
  } catch {}
}
function remembered() {
  try {
    return localStorage.getItem('muster.name');
  } catch {
    return null;
  }
}

// ── Rooms ───────────────────────────────────────────────────────────────────────────────────────

/** Shows a room. Joins it first if necessary. */
async function open(name) {
  if (!joined.has(name)) {
    if (!session) return toast('You are offline. Try again once you are connected.');
    const log = make('ol', 'log');
    log.setAttribute('role', 'log');
    log.setAttribute('aria-label', `Messages in ${name}`);
    log.hidden = true;
    $('logs').append(log);
    // Before the join, because the server announces the join before it answers.
    joined.set(name, { log, people: [], unread: 0, typing: new Map(), last: undefined });
    try {
      await within(session.chat.joinRoom(name));
    } catch (error) {
      if (!session?.chat.room(name)) {
        // otherwise a reconnect has joined the room meanwhile
        joined.delete(name);
        log.remove();
        return toast(error.message);
      }
    }
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

$('leave-room').addEventListener('click', async () => {
  const name = current;
  const failed = await within(Promise.resolve(session?.chat.room(name)?.leave())).catch((error) => error);
  if (failed || !session) return toast('You are offline. Try again once you are connected.');
  joined.get(name).log.remove();
  joined.delete(name);
  await open(LOBBY);
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

addEventListener('hashchange', () => me && open(hashRoom() || LOBBY));

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
    (a, b) => (b.id === me.id) - (a.id === me.id) || a.name.localeCompare(b.name),
  );
  $('room-sub').textContent = people.length > 1 ? `${people.length} people here` : 'Only you so far';
  sync(
    $('people'),
    people.map((person) => [person.id, person]),
    (person) => {
      const item = make('li', 'person');
      const label = make('span', '', person.name);
      if (person.id === me.id) label.append(make('small', '', 'you'));
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

function addMessage(name, room, { id, name: author, text, at }) {
  const mine = id === me.id;
  const follow = mine || atEnd;
  const { last } = room;
  if (last?.id === id && last.author === author && at - last.at < 300_000) {
    last.bubbles.append(make('p', 'bubble', text));
    last.at = at;
  } else {
    const time = make('time', '', clock.format(at));
    time.dateTime = new Date(at).toISOString();
    const head = make('div', 'group-head');
    head.append(make('b', mine ? 'unseen' : '', mine ? 'You' : author), time);
    const bubbles = make('div', 'bubbles');
    bubbles.append(make('p', 'bubble', text));
    const group = make('li', mine ? 'group mine' : 'group');
    group.append(avatar(author), head, bubbles);
    addToLog(room, group);
    room.last = { id, author, at, bubbles };
  }
  if (name !== current) {
    room.unread++;
    showRooms();
  } else if (follow) toEnd();
  else $('to-end').hidden = false;
  showEmpty();
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
  if (draft.value.trim() && Date.now() - typedAt > TYPING_EVERY) {
    typedAt = Date.now();
    session?.chat.room(current)?.emit('typing', '');
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

function send() {
  const text = draft.value.trim();
  if (!text) return draft.focus();
  // `emit` returns whether the message was written. If not, the draft stays.
  if (!session?.chat.room(current)?.emit('say', text))
    return toast('You are offline. Try again once you are connected.');
  draft.value = '';
  typedAt = 0;
  showComposer();
  draft.focus();
}

function showComposer() {
  const left = 500 - draft.value.length;
  $('left').textContent = left < 100 ? String(left) : '';
  $('composer')
    .querySelector('.send')
    .setAttribute('aria-disabled', String(!session || !draft.value.trim()));
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

function avatar(name) {
  const element = make('span', 'avatar');
  element.setAttribute('aria-hidden', 'true');
  paint(element, name);
  return element;
}

/** Paints initials on a color derived from the name. */
function paint(element, name) {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? [name];
  const letters = words.length > 1 ? [words[0], words.at(-1)].map((word) => [...word][0]) : [...words[0]].slice(0, 2);
  let hash = 7;
  for (const char of name) hash = (hash * 31 + char.codePointAt(0)) % 100_003;
  element.textContent = letters.join('').toUpperCase();
  element.style.setProperty('--hue', String((hash * 137) % 360));
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
