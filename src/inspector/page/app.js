// @ts-nocheck – runs in browsers; the compiler has the types of Node only
// The inspector page. One stream carries a snapshot four times a second; searches are requests of their own.
import { makeTabs, openTab, showDrawings } from './drawings.js';
import { chosenState, filterBy, keepSearching, noFilter, search } from './finder.js';
import { followedCard } from './followed.js';
import { makePopulation, showFigures, showPopulation, showServer } from './overview.js';
import { status, streaming } from './stream.js';

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
let process;

const show = (snapshot) => {
  const { overview, followed } = snapshot;
  process ??= overview.process;
  // The server has restarted, perhaps with other charts.
  if (overview.process !== process) return location.reload();
  // A name typed by hand becomes the full name, which is unique to this process.
  if (followed && follows !== followed.actor) {
    follows = followed.actor;
    location.replace(`#${encodeURIComponent(follows)}`);
  }
  showFigures(overview);
  showPopulation(overview, chosenState());
  showServer(overview, charts);
  showDrawings(snapshot);
  card.show(followed, follows);
};

const openStream = streaming(() => follows, show);

const follow = (actor) => {
  if (actor === follows) return;
  follows = actor;
  location.replace(`#${encodeURIComponent(actor)}`);
  openTab(actor === '' ? 'population' : 'connection');
  card.show(null, follows);
  openStream();
  if (actor === '') search();
};

// The hash was edited by hand.
addEventListener('hashchange', () => {
  if (charts) follow(fromHash());
  else follows = fromHash();
});

const choose = (state) => {
  follow('');
  const isReset = state === charts.connection.root.id || chosenState() === state;
  filterBy({ ...noFilter, state: isReset ? '' : state });
};

const card = followedCard({
  leave: () => follow(''),
  goTo: (namespace, room) => {
    follow('');
    filterBy({ ...noFilter, namespace, room });
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
  keepSearching(follow, () => follows === '');
  openStream();
};
begin();
