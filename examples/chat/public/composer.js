/** Writing a message, and who else is writing one. */
import { $, isOnline, keep, kept, page, roomShown, toast } from './page.js';

const TYPING_EVERY = 2_000; // ms between two typing events
const TYPING_LASTS = 3_500; // ms until a typing indicator expires

const draft = $('draft');
let typedAt = 0;

draft.value = kept('draft') ?? '';

draft.addEventListener('input', () => {
  showComposer();
  if (isOnline() && draft.value.trim() && Date.now() - typedAt > TYPING_EVERY) {
    typedAt = Date.now();
    page.chat.room(page.current)?.emit('type');
  }
});

draft.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});

$('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  send();
});

async function send() {
  const text = draft.value.trim();
  if (!text) return draft.focus();
  // The client would keep the message and send it later. Here the user sees that it waits: it stays in the field.
  if (!isOnline()) return toast('You are offline. Your message stays here until you are connected.');
  draft.value = '';
  typedAt = 0;
  showComposer();
  draft.focus();
  try {
    await page.chat.ask('say', { room: page.current, text });
  } catch (error) {
    draft.value ||= text;
    showComposer();
    toast(`Not sent: ${error.message}`);
  }
}

export function showComposer() {
  keep('draft', draft.value);
  const left = 500 - draft.value.length;
  $('left').textContent = left < 100 ? String(left) : '';
  $('composer')
    .querySelector('.send')
    .setAttribute('aria-disabled', String(!isOnline() || !draft.value.trim()));
  draft.style.height = 'auto';
  draft.style.height = `${Math.max(40, draft.scrollHeight)}px`;
}

/** Shows that a person types in a room. */
export function startTyping(room, { id, name }) {
  stopTyping(room, id);
  room.typing.set(id, { name, timer: setTimeout(() => stopTyping(room, id), TYPING_LASTS) });
  showTyping();
}

export function stopTyping(room, id) {
  clearTimeout(room.typing.get(id)?.timer);
  if (room.typing.delete(id)) showTyping();
}

export function showTyping() {
  const names = [...(roomShown()?.typing.values() ?? [])].map(({ name }) => name);
  $('typing').classList.toggle('on', names.length > 0);
  if (names.length === 1) $('typing-text').textContent = `${names[0]} is typing`;
  else if (names.length === 2) $('typing-text').textContent = `${names[0]} and ${names[1]} are typing`;
  else if (names.length > 2) $('typing-text').textContent = 'Several people are typing';
}
