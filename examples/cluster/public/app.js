/**
 * The page of the example: one client per node, each the unmodified neffos browser client.
 * That client sends a handler's return value back to the server, so handlers here return nothing.
 */
import * as neffos from '/neffos.js';

const KEPT_MESSAGES = 200;
const LATE = 1_000; // ms after which a message is shown as late

const $ = (/** @type {string} */ id) => document.getElementById(id);
const nodes = await (await fetch('/nodes.json')).json();

// ── One side of the page, and its client ────────────────────────────────────────────────────────

/** A node of the cluster, as seen by its client on this page. */
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
    this.$('input').placeholder = `Message on node ${name}`;
    this.$('input').setAttribute('aria-label', `Message on node ${name}`);
    this.$('.send').setAttribute('aria-label', `Send on node ${name}`);
    this.$('form').addEventListener('submit', (event) => this.say(event));
    this.connect();
  }

  $(selector) {
    return this.element.querySelector(selector);
  }

  /** Connects, and connects again 1 s after a failure or a lost connection. */
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
    // `emit` returns whether the message was written. If not, the text stays.
    if (text && this.ns?.emit('say', text)) input.value = '';
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
    if (this.status.state === 'online') spark(this.name, isOwn ? 'out' : 'in');
  }

  tell(status) {
    this.status = status;
    const { state, losses = [] } = status;
    const words = { dialing: 'connecting', gone: 'disconnected' };
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
  running: 'Stop Redis and keep chatting. Each server still delivers to its own client; messages for the other wait.',
  stopped: 'Messages reach their own side now and wait up to 30 s for the other. Start Redis to deliver them.',
  elsewhere: 'This example did not start Redis. Stop it yourself, and both servers keep running on their own.',
  missed: 'A server missed messages that were sent before it had reconnected. It counts them as lost.',
};

/** Shows the state of Redis as the nodes report it. */
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
