// @ts-nocheck – it runs in browsers; the compiler is told of Node only
// The page of the inspector: one stream says how things stand, four times a second; what is looked for is asked for.
import { makeTabs, openTab, showDrawings } from './drawings.js';
import { chosenState, everybody, keepLooking, look, narrow } from './finder.js';
import { makePopulation, showFigures, showPopulation, showServer } from './overview.js';
import { status, streaming } from './stream.js';
import { subjectCard } from './subject.js';

/** Whom the address names; one that was cut off names nobody. */
const fromHash = () => {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return '';
  }
};

let charts;
let follows = fromHash();
/** The process that the page was told of first. */
let known;

const show = (told) => {
  const { overview, subject } = told;
  known ??= overview.process;
  // The server was started again, maybe with other charts.
  if (overview.process !== known) return location.reload();
  // One that was typed in has from now on the name that it has in this process alone.
  if (subject && follows !== subject.actor) {
    follows = subject.actor;
    location.replace(`#${encodeURIComponent(follows)}`);
  }
  showFigures(overview);
  showPopulation(overview, chosenState());
  showServer(overview, charts);
  showDrawings(told);
  card.show(subject, follows);
};

const listen = streaming(() => follows, show);

const follow = (actor) => {
  if (actor === follows) return;
  follows = actor;
  location.replace(`#${encodeURIComponent(actor)}`);
  openTab(actor === '' ? 'population' : 'connection');
  card.show(null, follows);
  listen();
  if (actor === '') look();
};

// Somebody has typed another one into the address.
addEventListener('hashchange', () => {
  if (charts) follow(fromHash());
  else follows = fromHash();
});

const choose = (state) => {
  follow('');
  const isTaken = state === charts.connection.root.id || chosenState() === state;
  narrow({ ...everybody, state: isTaken ? '' : state });
};

const card = subjectCard({
  leave: () => follow(''),
  goTo: (namespace, room) => {
    follow('');
    narrow({ ...everybody, namespace, room });
  },
});

const begin = async () => {
  const response = await fetch('charts').catch(() => undefined);
  if (!response?.ok) {
    status('not allowed, or gone');
    setTimeout(begin, 2_000);
    return;
  }
  charts = await response.json();
  makePopulation(charts.connection.root, choose);
  makeTabs(charts);
  openTab(follows === '' ? 'population' : 'connection');
  card.show(null, follows);
  keepLooking(follow, () => follows === '');
  listen();
};
begin();
