/** The page of the example: one client per node. Each client dials its node again by itself. */
import { dial } from 'musterjs/client';

const KEPT_MESSAGES = 200;
const LATE = 1_000; // ms after which a message is shown as late

const $ = (/** @type {string} */ id) => document.getElementById(id);
const nodes = await (await fetch('/nodes.json')).json();

// ── One side of the page, and its client ────────────────────────────────────────────────────────

/** A node of the cluster, as seen by its client on this page. */
class Panel {
  /** What the node says of itself. */
  status = {};

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
    this.$('input').placeholder = `Message on node ${name}`;
    this.$('input').setAttribute('aria-label', `Message on node ${name}`);
    this.$('.send').setAttribute('aria-label', `Send on node ${name}`);
    this.$('form').addEventListener('submit', (event) => this.say(event));
    this.client = dial(`${address}/live`, {
      namespaces: {
        wall: {
          said: (_, message) => this.show(message.json()),
          status: (_, message) => this.tell(message.json()),
        },
      },
    });
    this.client.subscribe(() => this.tell(this.status));
    this.client.connect('wall');
  }

  get isOnline() {
    return this.client.state === 'online';
  }

  /** Sends an event. Returns false if the node is away. The client would keep it then, and send it later. */
  emit(event, body) {
    return this.isOnline && this.client.namespace('wall')?.emit(event, body);
  }

  $(selector) {
    return this.element.querySelector(selector);
  }

  say(event) {
    event.preventDefault();
    const input = this.$('input');
    const text = input.value.trim();
    if (text && this.emit('say', text)) input.value = '';
    input.focus();
  }

  show({ text, node, at }) {
    const isOwn = node === this.name;
    const item = make('li', isOwn ? 'message own' : 'message');
    const waited = Date.now() - at;
    const late = waited > LATE ? `, ${(waited / 1_000).toFixed(waited < 10_000 ? 1 : 0)} s late` : '';
    item.append(make('p', 'bubble', text), make('p', 'via', isOwn ? 'sent here' : `from node ${node}${late}`));
    item.dataset.via = node;
    item.classList.toggle('late', late !== '');
    this.$('.empty').hidden = true;
    this.$('.log').append(item);
    if (this.$('.log').children.length > KEPT_MESSAGES) this.$('.log').firstElementChild.remove();
    this.$('.scroller').scrollTop = this.$('.scroller').scrollHeight;
    if (this.state === 'online') spark(this.name, isOwn ? 'out' : 'in');
  }

  /** The state of the node's exchange, as it says it to a client that is online. */
  get state() {
    if (this.isOnline) return this.status.state ?? 'connecting';
    return this.client.reason ? 'disconnected' : 'connecting';
  }

  tell(status) {
    this.status = status;
    const { state } = this;
    const { losses = [] } = status;
    set(this.$('.state'), state);
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
  running: 'Stop Redis and keep chatting. Each server still delivers to its own client; messages for the other wait.',
  stopped: 'Messages reach their own side now and wait up to 30 s for the other. Start Redis to deliver them.',
  elsewhere: 'This example did not start Redis. Stop it yourself, and both servers keep running on their own.',
  missed: 'A server missed messages that were sent before it had reconnected. It counts them as lost.',
};

/** Shows the state of Redis as the nodes report it. */
function showBroker() {
  const [{ redis = 'elsewhere' } = {}] = panels.map(({ status }) => status).filter(({ redis }) => redis);
  const isAway = panels.some(({ state }) => state === 'degraded');
  $('broker').dataset.redis = redis;
  $('broker').dataset.away = String(isAway);
  set($('broker-state'), redis === 'stopped' ? 'stopped' : isAway ? 'away' : 'running');
  $('switch').hidden = redis === 'elsewhere';
  set($('switch'), redis === 'stopped' ? 'Start Redis' : 'Stop Redis');
  const hasMissed = panels.some(({ status }) => status.losses?.some(([name]) => name === 'missing'));
  set($('hint'), hints[redis === 'running' && hasMissed ? 'missed' : redis]);
  for (const { name, state } of panels) wireOf(name).dataset.state = state;
}

$('switch').addEventListener('click', () => {
  const word = $('broker').dataset.redis === 'stopped' ? 'start' : 'stop';
  panels.find(({ isOnline }) => isOnline)?.emit('redis', word);
});

const wireOf = (name) => document.querySelector(`.wire-${name.toLowerCase()}`);

/** Animates a message to the broker or from it. */
function spark(name, direction) {
  const light = wireOf(name).querySelector('i');
  light.className = '';
  void light.offsetWidth; // restarts the animation
  light.className = direction;
}

// ── Small things ────────────────────────────────────────────────────────────────────────────────

/** Makes an element. Texts go through `textContent`, so they are never markup. */
function make(tag, className, text = '') {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/** Sets a text only if it differs, so that screen readers do not repeat it. */
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
