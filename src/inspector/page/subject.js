// @ts-nocheck – runs in browsers; the compiler has the types of Node only
// The followed connection.
import { byId, bytes, clock, duration, facts, make, number, pathOf, recordedRow, say, stepRow } from './view.js';

const post = (actor, deed) =>
  fetch('deed', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ actor, deed }),
  });

/** A button that acts on the second press. */
const careful = (text, what) => {
  let isSure = false;
  const button = make('button', { class: 'deed', title: what.title }, text);
  button.addEventListener('click', async () => {
    if (!isSure) {
      isSure = true;
      button.classList.add('sure');
      say(button, `${text}? Press again`);
      setTimeout(() => {
        isSure = false;
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

const waits = ({ turns, asks }) => {
  const parts = [];
  if (turns > 0) parts.push(`inbox: ${number(turns)}`);
  if (asks > 0) parts.push(`open asks: ${number(asks)}`);
  return parts.join(', ') || 'none';
};

/** Frames in and out since it is followed, and bytes of its socket since it connected. */
const accounts = ({ counts, account }) => [
  ['frames in', `${number(counts.framesIn)} · ${bytes(counts.bytesIn)}`],
  ['frames out', `${number(counts.framesOut)} · ${bytes(counts.bytesOut)} · ${number(counts.writes)} writes`],
  ['socket, in · out', `${bytes(account.traffic.received)} · ${bytes(account.traffic.sent)}`],
  ['waiting', waits(account)],
];

/** Returns the innermost states, which imply the others. */
const innermost = (states) => states.filter((state) => !states.some((other) => other.startsWith(`${state}.`)));

const watchedRow = ({ at, event, from, to, why, times }) => {
  const ends = [innermost(from), innermost(to)].map((states) => states.map(pathOf).join(' + ') || '–');
  const way = from.length + to.length > 0 ? ends.join(' → ') : '';
  return stepRow({ time: clock(at), event, times, way, why });
};

export const subjectCard = ({ leave, goTo }) => {
  const card = byId('subject');
  const id = make('h2', { class: 'subject-id' });
  const state = make('p', { class: 'subject-state' });
  const list = make('dl', { class: 'facts' });
  const places = make('ul', { class: 'rows' });
  const steps = make('ol', { class: 'steps' });
  const deeds = make('div', { class: 'deeds' });
  const before = make('ol', { class: 'steps' });
  const title = (text, small) => make('h3', {}, text, make('small', {}, small));
  const beforeTitle = title('Earlier steps', ' from the recorder, newest first');
  beforeTitle.hidden = true;
  card.append(
    make('button', { class: 'back', click: leave }, '← all connections'),
    id,
    state,
    list,
    deeds,
    title('Namespaces and rooms', ''),
    places,
    title('Steps', ' since you opened it, newest first'),
    steps,
    beforeTitle,
    before,
  );
  let shown = { actor: '', steps: '', places: '' };

  const offer = (actor) => {
    deeds.replaceChildren(
      careful('Close', { title: 'Sends pending messages first', run: () => post(actor, 'close') }),
      careful('Disconnect', {
        title: 'Asks the client to leave every namespace',
        run: () => post(actor, 'disconnect'),
      }),
    );
  };

  const placeRows = (namespaces) =>
    namespaces.flatMap(({ name, states, rooms, more }) => {
      const row = (text, room, kind, its) =>
        make(
          'li',
          {},
          make(
            'button',
            { class: `row ${kind}`, click: () => goTo(name, room) },
            make('span', { class: 'name' }, text),
            make('span', { class: 'note' }, innermost(its).map(pathOf).join(' + ')),
          ),
        );
      return [
        row(name === '' ? '(empty namespace)' : name, '', 'place', states),
        ...rooms.map((room) => row(room.name, room.name, 'room', room.states)),
        ...(more > 0 ? [make('li', { class: 'quiet' }, `and ${number(more)} more rooms`)] : []),
      ];
    });

  const show = (subject, follows) => {
    card.hidden = follows === '';
    byId('finder').hidden = follows !== '';
    if (follows === '') return;
    if (!subject) {
      say(id, follows.split('~')[0]);
      say(state, 'Not connected.');
      for (const part of [list, deeds, places, steps, before]) part.replaceChildren();
      beforeTitle.hidden = true;
      shown = { actor: '', steps: '', places: '' };
      return;
    }
    if (shown.actor !== subject.actor) {
      offer(subject.actor);
      shown = { actor: subject.actor, steps: '', places: '' };
    }
    say(id, subject.id);
    say(state, innermost(subject.states).map(pathOf).join(' + '));
    const isCongested = subject.states.some((one) => one.endsWith('.congested'));
    state.className = `subject-state ${subject.isOver ? 'over' : isCongested ? 'warm' : ''}`;
    deeds.hidden = subject.isOver;
    facts(list, [
      ['queued', bytes(subject.pressure)],
      ...accounts(subject),
      ['steps', number(subject.stepCount)],
      ['followed for', duration(Date.now() - subject.since)],
      ['actor', subject.actor.split('~')[0]],
      ...(subject.reconnects > 0 ? [['reconnected after', `${number(subject.reconnects)} tries`]] : []),
    ]);
    const where = JSON.stringify(subject.namespaces);
    if (shown.places !== where) {
      shown.places = where;
      const none = make('li', { class: 'quiet' }, 'In no namespace.');
      places.replaceChildren(...(subject.namespaces.length === 0 ? [none] : placeRows(subject.namespaces)));
    }
    const upTo = `${subject.since} ${subject.stepCount}`;
    if (shown.steps !== upTo) {
      shown.steps = upTo;
      const none = make('li', { class: 'quiet' }, 'None yet.');
      steps.replaceChildren(...(subject.steps.length === 0 ? [none] : subject.steps.toReversed().map(watchedRow)));
      before.replaceChildren(...subject.before.toReversed().map(recordedRow));
      beforeTitle.hidden = subject.before.length === 0;
    }
  };

  return { show };
};
