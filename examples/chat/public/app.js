/** The page of the chat. Everything that it knows of its server comes by Muster's client. */
import { dial } from 'musterjs/client';
import { showComposer, stopTyping } from './composer.js';
import { app } from './contract.js';
import { closeDrawers } from './drawers.js';
import { $, forgetAll, hideToast, isOnline, keep, keepName, kept, LOBBY, lastName, page, set, toast } from './page.js';
import { enter, forget, hashRoom, join, open, showPeople, showRooms } from './rooms.js';

// ── The client ──────────────────────────────────────────────────────────────────────────────────

/** Connects as this user. Rejects with the server's reason if it refuses. */
async function connect() {
  page.client = dial('/live', {
    contract: app,
    auth: () => page.me,
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
  page.client.subscribe(showState);
  showState();
  await page.client.ready;
  page.chat = await page.client.connect('chat');
}

/** Keeps the id of this client. A message that came from it is the user's own, also after a reload. */
function keepId() {
  page.ids.add(page.client.id);
  keep('ids', [...page.ids].slice(-20));
}

// ── The state of the client ─────────────────────────────────────────────────────────────────────

function showState() {
  if (!page.me) return;
  const { state, reason } = page.client;
  const isClosed = state === 'closed';
  const words = isOnline() ? 'Online' : isClosed ? 'Disconnected' : state === 'offline' ? 'Offline' : 'Reconnecting…';
  $('app').dataset.state = isOnline() ? 'online' : 'offline';
  $('status').dataset.state = isOnline() ? 'online' : 'offline';
  set($('status'), words);
  $('banner').hidden = isOnline();
  if (isOnline()) {
    keepId();
    hideToast();
  } else {
    for (const room of page.joined.values()) for (const id of room.typing.keys()) stopTyping(room, id);
    set($('banner-text'), isClosed ? whyOffline() : `${whyOffline()} Reconnecting…`);
    if ($('app').hidden && reason && !isClosed) sayAtDoor('Cannot reach the server. Trying again…');
  }
  set($('again'), isClosed ? 'Connect again' : 'Try now');
  showComposer();
}

/** Returns why the line ended, in words. */
function whyOffline() {
  const { code, text } = page.client.reason ?? {};
  if (page.client.state === 'offline') return 'This device is offline.';
  if (code === 1001 || code === 1012) return 'The server has closed the connection.';
  if (code === 1013) return 'The server is busy.';
  if (code >= 4000 && code < 4100) return `The server asked you to leave${text ? `: ${text}` : '.'}`;
  if (page.client.state === 'closed') return `The server has closed the connection${text ? `: ${text}` : '.'}`;
  return 'The connection is lost.';
}

$('again').addEventListener('click', async () => {
  if (page.client.state !== 'closed') return page.client.retry();
  // The server has ended it for good, so this client does not come back. Another one may.
  try {
    await connect();
    for (const room of page.joined.values()) await join(room);
    if (!page.joined.has(page.current)) await open(LOBBY);
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
  if (name) signIn(name);
});

/** Shows why the user is not in yet. */
function sayAtDoor(text) {
  $('enter').hidden = false;
  set($('enter-error'), text);
}

/** Comes in under this name, and into these rooms. */
async function signIn(name, rooms = []) {
  $('enter-button').disabled = true;
  page.me = name;
  try {
    await connect();
    showName(name);
    $('welcome').hidden = true;
    $('app').hidden = false;
    const wished = hashRoom();
    await open(LOBBY);
    for (const room of rooms) await enter(room);
    if (wished) await open(wished);
    $('draft').focus();
  } catch (error) {
    page.me = undefined;
    sayAtDoor(error.message);
  } finally {
    $('enter-button').disabled = false;
  }
}

$('sign-out').addEventListener('click', () => {
  page.me = undefined;
  page.client.close();
  for (const { log } of page.joined.values()) log.remove();
  page.joined.clear();
  page.ids.clear();
  page.current = '';
  $('draft').value = '';
  forgetAll();
  closeDrawers();
  history.replaceState(null, '', location.pathname);
  document.title = 'Muster';
  $('enter-error').textContent = '';
  $('app').hidden = true;
  $('enter').hidden = false;
  $('welcome').hidden = false;
  $('name').focus();
});

// ── The name ────────────────────────────────────────────────────────────────────────────────────

function showName(name) {
  keepName(name);
  $('name').value = name;
  $('my-name').textContent = name;
  $('rename').setAttribute('aria-label', `Change your name, ${name}`);
}

function editName(isEdited) {
  $('new-name-form').hidden = !isEdited;
  $('rename').hidden = isEdited;
  if (!isEdited) return $('rename').focus();
  $('new-name').value = page.me;
  $('new-name').select();
  $('new-name').focus();
}

$('rename').addEventListener('click', () => editName(true));
$('new-name').addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  event.stopPropagation();
  editName(false);
});
$('new-name-form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const name = $('new-name').value.trim();
  if (!name || name === page.me) return editName(false);
  if (!isOnline()) return toast('You are offline. Try again once you are connected.');
  try {
    await page.chat.ask('rename', name);
    page.me = name; // A reconnect comes in under the new name.
    showName(name);
    showPeople();
    editName(false);
  } catch (error) {
    toast(error.message);
  }
});

// ── Start: a tab comes back with its name and rooms, a new one suggests the name ────────────────

const before = kept('name');
for (const id of kept('ids') ?? []) page.ids.add(id);
$('name').value = before || lastName() || suggestName();
$('name').select();
$('name').focus();

if (before) {
  $('enter').hidden = true;
  signIn(before, kept('rooms') ?? []);
}
