/** The rooms, and the people in the one on screen. */
import { Looks } from './avatars.js';
import { showTyping, startTyping, stopTyping } from './composer.js';
import { closeDrawers } from './drawers.js';
import { addHistory, addMessage, addNotice, avatar, paint, showEmpty, toEnd } from './log.js';
import { $, isOnline, keep, LOBBY, make, page, roomShown, sync, toast } from './page.js';

const { joined } = page;

/** What a room hears. */
const eventsOf = (room) => ({
  history: ({ data }) => addHistory(room, data),
  said({ data: said }) {
    stopTyping(room, said.id);
    const mine = addMessage(room, said);
    if (mine || room.name === page.current) return;
    room.unread++;
    showRooms();
  },
  typing: ({ data: person }) => startTyping(room, person),
  presence({ data: { kind, id, name, was, people } }) {
    room.people = people;
    room.looks.welcome(people.map((person) => person.name));
    stopTyping(room, id);
    const mine = id === page.client.id;
    if (kind === 'renamed') addNotice(room, mine ? 'You' : was, `${mine ? 'are' : 'is'} now ${name}`);
    else if (!mine) addNotice(room, name, kind);
    else if (kind === 'joined') addNotice(room, 'You', room.isBack ? 'are back' : 'joined');
    room.isBack = true;
    if (room.name !== page.current) return;
    showPeople();
    showEmpty();
  },
});

/** Shows a room. Joins it first if necessary. */
export async function open(name) {
  if (!(await enter(name))) return;
  page.current = name;
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

/** Joins a room, but does not show it. Returns whether this user is in it. */
export async function enter(name) {
  if (joined.has(name)) return true;
  if (!isOnline()) {
    toast('You are offline. Try again once you are connected.');
    return false;
  }
  const log = make('ol', 'log');
  log.setAttribute('role', 'log');
  log.setAttribute('aria-label', `Messages in ${name}`);
  log.hidden = true;
  $('logs').append(log);
  const room = { name, log, people: [], unread: 0, seen: 0, isBack: false, typing: new Map(), looks: new Looks() };
  joined.set(name, room);
  keepRooms();
  return join(room);
}

/** Joins a room once. After a reconnect the client joins it again. Returns whether the server agreed. */
export async function join(room) {
  try {
    await page.chat.joinRoom(room.name, { on: eventsOf(room) });
    return true;
  } catch (error) {
    forget(room.name, error);
    return false;
  }
}

/** Takes a room off the page, and says why. */
export function forget(name, error) {
  joined.get(name)?.log.remove();
  joined.delete(name);
  keepRooms();
  if (error) toast(error.message);
  if (name === page.current && name !== LOBBY) open(LOBBY);
}

/** A reload joins these rooms again. */
const keepRooms = () => keep('rooms', [...joined.keys()]);

$('leave-room').addEventListener('click', async () => {
  const name = page.current;
  try {
    await page.chat.room(name)?.leave();
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

addEventListener('hashchange', () => page.current && open(hashRoom() || LOBBY));

export function hashRoom() {
  try {
    return decodeURIComponent(location.hash.slice(1)).trim();
  } catch {
    return '';
  }
}

let known = [];

/** Draws the list of rooms at the left. Without an argument, draws the same rooms again. */
export function showRooms(rooms = known) {
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
      button.toggleAttribute('aria-current', name === page.current);
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
export function showPeople() {
  const { people: all = [], looks = new Looks() } = roomShown() ?? {};
  const isMe = ({ id }) => id === page.client.id;
  const people = [...all].sort((a, b) => isMe(b) - isMe(a) || a.name.localeCompare(b.name));
  $('room-sub').textContent = people.length > 1 ? `${people.length} people here` : 'Only you so far';
  sync(
    $('people'),
    people.map((person) => [`${person.id} ${person.name}`, person]),
    (person) => {
      const item = make('li', 'person');
      const label = make('span', '', person.name);
      if (isMe(person)) label.append(make('small', '', 'you'));
      item.append(avatar(person.name, looks), label);
      return item;
    },
    (item, { name }) => paint(item.firstElementChild, name, looks),
  );
  const faces = people.slice(0, people.length > 3 ? 2 : 3).map(({ name }) => avatar(name, looks));
  if (people.length > 3) faces.push(make('span', 'avatar more', `+${people.length - 2}`));
  $('show-people').replaceChildren(...faces);
  $('show-people').setAttribute('aria-label', `People in this room: ${people.length}`);
  paint($('my-avatar'), page.me, looks);
}
