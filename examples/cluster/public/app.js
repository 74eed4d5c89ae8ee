/**
 * The page of the example: one client of each node, with the browser client of neffos, unmodified.
 * Whatever a handler returns is sent back to the server by that client, so handlers here return nothing.
 */
import * as neffos from '/neffos.js';

const KEPT_MESSAGES = 200;
const LATE = 1_000; // ms after which a message is said to have waited

const $ = (/** @type {string} */ id) => document.getElementById(id);
const nodes = await (await fetch('/nodes.json')).json();

// ── One side of the page, and its client ────────────────────────────────────────────────────────

/** A node of the cluster as this page sees it. */
class Panel {
  /** The connected namespace; undefined while there is none. */
  ns;
  status = { state: 'dialing' };

  constructor({ name, address }) {
    this.name = name;
    this.address = address;
    this.element = $('panel').content.cloneNode(true).firstElementChild;
    this.element.dataset.node = name;
    this.element.setAttribute('aria-labelledby', `name-${name}`);
    this.$('.badge').textContent = name;
    this.$('h2').textContent = `Node ${name}`;
    this.$('h2').id = `name-${name}`;
    this.$('.address').textContent = new URL(address).host;
    this.$('.log').setAttribute('aria-label', `Messages on node ${name}`);
    this.$('.scroller').setAttribute('aria-label', `Messages on node ${name}`);
    this.$('input').placeholder = `Say something by node ${name}`;
    this.$('input').setAttribute('aria-label', `Message by node ${name}`);
    this.$('.send').setAttribute('aria-label', `Send by node ${name}`);
    this.$('form').addEventListener('submit', (event) => this.say(event));
    this.connect();
  }

  $(selector) {
    return this.element.querySelector(selector);
  }

  /** Dials, and dials again after a while when that fails or the connection is lost. */
  async connect() {
    try {
      const conn = await neffos.dial(`${this.address.replace('http', 'ws')}/live`, {
        wall: {
          _OnNamespaceDisconnect: () => this.lost(),
          said: (_, msg) => this.show(msg.unmarshal()),
          status: (_, msg) => this.tell(msg.unmarshal()),
        },
      });
      this.ns = await conn.connect('wall');
    } catch {
      this.lost();
    }
  }

  lost() {
    this.ns = undefined;
    this.tell({ ...this.status, state: 'gone' });
    setTimeout(() => this.connect(), 1_000);
  }

  say(event) {
    event.preventDefault();
    const input = this.$('input');
    const text = input.value.trim();
    // `emit` says whether it could be written; if not, the text stays.
    if (text && this.ns?.emit('say', text)) input.value = '';
    input.focus();
  }

  show({ text, node, at }) {
    const isOwn = node === this.name;
    const item = make('li', isOwn ? 'message own' : 'message');
    const waited = Date.now() - at;
    const late = waited > LATE ? `, ${(waited / 1_000).toFixed(waited < 10_000 ? 1 : 0)} s late` : '';
    item.append(make('p', 'bubble', text), make('p', 'via', isOwn ? 'said here' : `came by node ${node}${late}`));
    item.dataset.via = node;
    item.classList.toggle('late', late !== '');
    this.$('.empty').hidden = true;
    this.$('.log').append(item);
    if (this.$('.log').children.length > KEPT_MESSAGES) this.$('.log').firstElementChild.remove();
    this.$('.scroller').scrollTop = this.$('.scroller').scrollHeight;
    if (this.status.state === 'online') spark(this.name, isOwn ? 'out' : 'in');
  }

  tell(status) {
    this.status = status;
    const { state, losses = [] } = status;
    const words = { dialing: 'connecting', gone: 'no connection' };
    set(this.$('.state'), words[state] ?? state);
    this.$('.state').dataset.state = state;
    this.element.dataset.state = state;
    for (const name of ['published', 'received', 'waiting']) this.count(name, status[name] ?? 0);
    this.count(
      'lost',
      losses.reduce((sum, [, count]) => sum + count, 0),
    );
    this.$('[data-alert="waits"]').classList.toggle('on', status.waiting > 0);
    this.$('[data-alert="lost"]').classList.toggle('on', losses.length > 0);
    this.$('.losses').hidden = losses.length === 0;
    set(this.$('.losses'), `lost: ${losses.map(([name, count]) => `${count} ${name}`).join(', ')}`);
    showBroker();
  }

  count(name, value) {
    set(this.$(`[data-count="${name}"]`), String(value));
  }
}

// ── The broker between them ─────────────────────────────────────────────────────────────────────

const hints = {
  running: 'Stop it and keep talking: each server goes on by itself, and what is for the other one waits.',
  stopped: 'What you say now is heard on its own side, and waits for the other: for 30 s at most. Start it again.',
  elsewhere: 'This Redis was there before. Stop it to see how both servers go on by themselves.',
  missed: 'What waited was sent before the other server was back to hear it: it has missed it, and counts that.',
};

/** What the page says of Redis is what the nodes say. */
function showBroker() {
  const [{ redis = 'elsewhere' } = {}] = panels.map(({ status }) => status).filter(({ redis }) => redis);
  const isAway = panels.some(({ status }) => status.state === 'degraded');
  $('broker').dataset.redis = redis;
  $('broker').dataset.away = String(isAway);
  set($('broker-state'), redis === 'stopped' ? 'stopped' : isAway ? 'away' : 'running');
  $('switch').hidden = redis === 'elsewhere';
  set($('switch'), redis === 'stopped' ? 'Start Redis' : 'Stop Redis');
  const hasMissed = panels.some(({ status }) => status.losses?.some(([name]) => name === 'missing'));
  set($('hint'), hints[redis === 'running' && hasMissed ? 'missed' : redis]);
  for (const { name, status } of panels) wireOf(name).dataset.state = status.state;
}

$('switch').addEventListener('click', () => {
  const word = $('broker').dataset.redis === 'stopped' ? 'start' : 'stop';
  panels.find(({ ns }) => ns)?.ns.emit('redis', word);
});

const wireOf = (name) => document.querySelector(`.wire-${name.toLowerCase()}`);

/** A message on its way, to the broker or from it. */
function spark(name, direction) {
  const light = wireOf(name).querySelector('i');
  light.className = '';
  void light.offsetWidth; // begins the animation anew
  light.className = direction;
}

// ── Small things ────────────────────────────────────────────────────────────────────────────────

/** Everything shown goes through `textContent`: nobody's text is ever markup. */
function make(tag, className, text = '') {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/** Changes a text only when it is another one, so that it is not read out again and again. */
function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const panels = [];
for (const node of nodes) {
  const panel = new Panel(node);
  panels.push(panel);
  if (panels.length === 1) $('broker').before(panel.element);
  else $('broker').parentElement.append(panel.element);
}
showBroker();
