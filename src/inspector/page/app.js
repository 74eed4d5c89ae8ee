// @ts-nocheck – runs in browsers; the compiler has the types of Node only
// The inspector page. One stream carries a snapshot four times a second; searches are requests of their own.
import { makeTabs, openTab, showDrawings } from './drawings.js';
import { chosenState, keepLooking, look, narrow, noFilter } from './finder.js';
import { makePopulation, showFigures, showPopulation, showServer } from './overview.js';
import { status, streaming } from './stream.js';
import { subjectCard } from './subject.js';

/** Returns the actor that the URL's hash names; '' if the hash is malformed. */
const fromHash = () => {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return '';
  }
};

let charts;
let follows = fromHash();
/** The server process of the first snapshot. */
let known;

const show = (told) => {
  const { overview, subject } = told;
  known ??= overview.process;
  // The server has restarted, perhaps with other charts.
  if (overview.process !== known) return location.reload();
  // A name typed by hand becomes the full name, which is unique to this process.
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

// The hash was edited by hand.
addEventListener('hashchange', () => {
  if (charts) follow(fromHash());
  else follows = fromHash();
});

const choose = (state) => {
  follow('');
  const isTaken = state === charts.connection.root.id || chosenState() === state;
  narrow({ ...noFilter, state: isTaken ? '' : state });
};

const card = subjectCard({
  leave: () => follow(''),
  goTo: (namespace, room) => {
    follow('');
    narrow({ ...noFilter, namespace, room });
  },
});

const begin = async () => {
  const response = await fetch('charts').catch(() => undefined);
  if (!response?.ok) {
    status('no access');
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
