// @ts-nocheck – runs in browsers; the compiler has the types of Node only
// The followed connection.
import { historyRow, innermost, messageRow, recordedRow } from './history.js';
import { byId, bytes, duration, facts, make, number, pathOf, say } from './view.js';

const post = (actor, action) =>
  fetch('command', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ actor, action }),
  });

/** Returns a button that runs its command on the second press. */
const confirmedButton = (text, what) => {
  let isPressed = false;
  const button = make('button', { class: 'command', title: what.title }, text);
  button.addEventListener('click', async () => {
    if (!isPressed) {
      isPressed = true;
      button.classList.add('sure');
      say(button, `${text}? Press again`);
      setTimeout(() => {
        isPressed = false;
        button.classList.remove('sure');
        say(button, text);
      }, 3_000);
      return;
    }
    const answer = await what.run().catch(() => undefined);
    say(button, answer?.ok ? 'Done' : 'Failed');
  });
  return button;
};

const waiting = ({ turns, asks }) => {
  const parts = [];
  if (turns > 0) parts.push(`inbox: ${number(turns)}`);
  if (asks > 0) parts.push(`open asks: ${number(asks)}`);
  return parts.join(', ') || 'none';
};

/** Frames in and out since it is followed, and bytes of its socket since it connected. */
const traffic = ({ counts, usage, session }) => [
  ['frames in', `${number(counts.framesIn)} · ${bytes(counts.bytesIn)}`],
  [
    'frames out',
    `${number(counts.framesOut)} · ${bytes(counts.bytesOut)} · ${number(counts.writes)} ${counts.writes === 1 ? 'write' : 'writes'}`,
  ],
  ...(session.frames > 0 ? [['session layer', `${number(session.frames)} · ${session.last.join(', ')}`]] : []),
  ['socket, in · out', `${bytes(usage.traffic.received)} · ${bytes(usage.traffic.sent)}`],
  ['waiting', waiting(usage)],
];

const noMessages = 'None yet. Each message from or to the client is listed here by its names, without its body.';
const noSteps =
  'None yet. A step is an event that the chart of the connection takes, such as CONGESTED or CLOSE. Messages are no steps.';

/** Fills a list with rows, or says why there are none. */
const fill = (list, rows, none) =>
  list.replaceChildren(...(rows.length > 0 ? rows : [make('li', { class: 'quiet' }, none)]));

export const followedCard = ({ leave, goTo }) => {
  const card = byId('followed');
  const id = make('h2', { class: 'followed-id' });
  const state = make('p', { class: 'followed-state' });
  const list = make('dl', { class: 'facts' });
  const places = make('ul', { class: 'rows' });
  const messages = make('ol', { class: 'steps messages', 'aria-label': 'Messages' });
  const steps = make('ol', { class: 'steps', 'aria-label': 'Steps' });
  const commands = make('div', { class: 'commands' });
  const before = make('ol', { class: 'steps' });
  const title = (text, small) => make('h3', {}, text, make('small', {}, small));
  const beforeTitle = title('Earlier steps', ' from the recorder, newest first');
  beforeTitle.hidden = true;
  card.append(
    make('button', { class: 'back', click: leave }, '← all connections'),
    id,
    state,
    list,
    commands,
    title('Namespaces and rooms', ''),
    places,
    title('Messages', ' by name, newest first'),
    messages,
    title('Steps', ' since you opened it, newest first'),
    steps,
    beforeTitle,
    before,
  );
  const nothing = { actor: '', steps: '', messages: '', places: '' };
  let shown = nothing;

  const showCommands = (actor) => {
    commands.replaceChildren(
      confirmedButton('Close', { title: 'Sends pending messages first', run: () => post(actor, 'close') }),
      confirmedButton('Disconnect', {
        title: 'Asks the client to leave every namespace',
        run: () => post(actor, 'disconnect'),
      }),
    );
  };

  const placeRows = (namespaces) =>
    namespaces.flatMap(({ name, states, rooms, more }) => {
      const row = (text, room, kind, active) =>
        make(
          'li',
          {},
          make(
            'button',
            { class: `row ${kind}`, click: () => goTo(name, room) },
            make('span', { class: 'name' }, text),
            make('span', { class: 'note' }, innermost(active).map(pathOf).join(' + ')),
          ),
        );
      return [
        row(name === '' ? '(empty namespace)' : name, '', 'place', states),
        ...rooms.map((room) => row(room.name, room.name, 'room', room.states)),
        ...(more > 0 ? [make('li', { class: 'quiet' }, `and ${number(more)} more rooms`)] : []),
      ];
    });

  const show = (followed, follows) => {
    card.hidden = follows === '';
    byId('finder').hidden = follows !== '';
    if (follows === '') return;
    if (!followed) {
      say(id, follows.split('~')[0]);
      say(state, 'Not connected.');
      for (const part of [list, commands, places, messages, steps, before]) part.replaceChildren();
      beforeTitle.hidden = true;
      shown = nothing;
      return;
    }
    if (shown.actor !== followed.actor) {
      showCommands(followed.actor);
      shown = { ...nothing, actor: followed.actor };
    }
    say(id, followed.id);
    say(state, innermost(followed.states).map(pathOf).join(' + '));
    const isCongested = followed.states.some((one) => one.endsWith('.congested'));
    state.className = `followed-state ${followed.isOver ? 'over' : isCongested ? 'warm' : ''}`;
    commands.hidden = followed.isOver;
    facts(list, [
      ['queued', bytes(followed.pressure)],
      ...traffic(followed),
      ['steps', number(followed.stepCount)],
      ['followed for', duration(Date.now() - followed.since)],
      ['actor', followed.actor.split('~')[0]],
      ...(followed.reconnects > 0 ? [['reconnected after', `${number(followed.reconnects)} tries`]] : []),
    ]);
    const placesKey = JSON.stringify(followed.namespaces);
    if (shown.places !== placesKey) {
      shown.places = placesKey;
      fill(places, placeRows(followed.namespaces), 'In no namespace.');
    }
    const messagesKey = JSON.stringify(followed.messages);
    if (shown.messages !== messagesKey) {
      shown.messages = messagesKey;
      fill(messages, followed.messages.toReversed().map(messageRow), noMessages);
    }
    const stepsKey = `${followed.since} ${followed.stepCount}`;
    if (shown.steps !== stepsKey) {
      shown.steps = stepsKey;
      fill(steps, followed.steps.toReversed().map(historyRow), noSteps);
      before.replaceChildren(...followed.before.toReversed().map(recordedRow));
      beforeTitle.hidden = followed.before.length === 0;
    }
  };

  return { show };
};
