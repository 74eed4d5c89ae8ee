/** What the parts of the page share: its elements, its state, and what a reload keeps. */

export const LOBBY = 'lobby';

export const $ = (/** @type {string} */ id) => document.getElementById(id);

/** The state of the page. */
export const page = {
  /** The name of this user. Undefined before sign-in. */
  me: undefined,
  /** The client, and its handle of the namespace. Both stay the same when the line is lost and comes back. */
  client: undefined,
  chat: undefined,
  /** The joined rooms: name -> { name, log, people, unread, typing, last, seen, looks }. */
  joined: new Map(),
  /** The room on screen. */
  current: '',
  /** The ids that this tab has had. A reload gives it another one. */
  ids: new Set(),
};

export const isOnline = () => page.client?.state === 'online';
export const roomShown = () => page.joined.get(page.current);

// ── What a reload keeps ─────────────────────────────────────────────────────────────────────────

// Private windows may refuse storage. Nothing is then kept.
function stored(act) {
  try {
    return act();
  } catch {
    return null;
  }
}

/** Keeps a value for this tab: over a reload, but not for a new tab. */
export const keep = (key, value) => stored(() => sessionStorage.setItem(`muster.${key}`, JSON.stringify(value)));
export const kept = (key) => stored(() => JSON.parse(sessionStorage.getItem(`muster.${key}`)));
export const forgetAll = () => stored(() => sessionStorage.clear());

/** Keeps the name for this tab, and as a suggestion for new ones. */
export function keepName(name) {
  keep('name', name);
  stored(() => localStorage.setItem('muster.name', name));
}
export const lastName = () => stored(() => localStorage.getItem('muster.name'));

// ── Elements ────────────────────────────────────────────────────────────────────────────────────

/** Makes every element of the page. Texts go through `textContent`, so they are never markup. */
export function make(tag, className = '', text = '') {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}

/** Sets a text only if it differs, so that screen readers do not repeat it. */
export function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Updates a list to these `[key, value]` entries in this order, and reuses its items. */
export function sync(list, entries, create, update = () => {}) {
  const items = new Map([...list.children].map((item) => [item.dataset.key, item]));
  entries.forEach(([key, value], index) => {
    const item = items.get(key) ?? create(value);
    items.delete(key);
    item.dataset.key = key;
    update(item, value);
    if (list.children[index] !== item) list.insertBefore(item, list.children[index] ?? null);
  });
  for (const item of items.values()) item.remove();
}

let toastTimer;

/** Tells something for a few seconds, above the field for messages. */
export function toast(text) {
  clearTimeout(toastTimer);
  $('toast').textContent = text;
  $('toast').hidden = false;
  toastTimer = setTimeout(hideToast, 4_000);
}

export function hideToast() {
  $('toast').hidden = true;
}
