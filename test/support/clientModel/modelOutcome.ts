/** How a promise of the program must stand. */
export interface Outcome {
  state: 'pending' | 'resolved' | 'rejected';
  /** The text of the answer or error. */
  text: string;
}

export const pending = (): Outcome => ({ state: 'pending', text: '' });

/** Settles an outcome for the first time. */
export const settle = (outcome: Outcome, state: 'resolved' | 'rejected', text = ''): void => {
  if (outcome.state === 'pending') Object.assign(outcome, { state, text });
};

/** Settles those that wait, and forgets them. */
export const settleAll = (waiting: Outcome[], failure?: string): void => {
  for (const outcome of waiting.splice(0)) settle(outcome, failure === undefined ? 'resolved' : 'rejected', failure);
};
