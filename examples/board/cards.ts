/** What a change does to the cards. The server decides with it, and the page shows with it what it expects. */
import type { Card, Change } from './contract.js';

/** The cards with a change made. A change of a card that is gone changes nothing. */
export function changed(cards: readonly Card[], change: Change): readonly Card[] {
  if (change.kind === 'add') {
    return cards.some(({ id }) => id === change.card.id) ? cards : [...cards, change.card];
  }
  const card = cards.find(({ id }) => id === change.id);
  if (!card) return cards;
  if (change.kind === 'rename') return cards.map((one) => (one === card ? { ...card, title: change.title } : one));
  const others = cards.filter((one) => one !== card);
  if (change.kind === 'remove') return others;
  const at = others.findIndex(({ id }) => id === change.before);
  return others.toSpliced(at < 0 ? others.length : at, 0, { ...card, column: change.column });
}

const mostCards = 200;
const mostDoing = 4;

/** Why a change cannot be made, in words for the person at the page; `undefined` if it can. Only the server asks. */
export function refusalOf(cards: readonly Card[], change: Change): string | undefined {
  const after = changed(cards, change);
  if (after.length > mostCards) return `A board holds at most ${mostCards} cards.`;
  const isGone = change.kind !== 'add' && !cards.some(({ id }) => id === change.id);
  if (isGone && change.kind !== 'remove') return 'That card has been deleted.';
  const doing = (all: readonly Card[]): number => all.filter(({ column }) => column === 'doing').length;
  if (doing(after) > mostDoing && doing(after) > doing(cards)) {
    return `“Doing” takes at most ${mostDoing} cards. Finish one first.`;
  }
  return undefined;
}
