/** Maximum delay that a server can name, in ms. */
const maxSlot = 3_600_000;
/** Returns the delay that a close reason names, in ms, or -1. */
export const slotOf = (code: number, text: string): number => {
  const [, ms] = [1001, 1012, 1013].includes(code) ? (/\bretry=(\d+)/.exec(text) ?? []) : [];
  return ms === undefined ? -1 : Math.min(Number(ms), maxSlot);
};

/** The reasons of closes for a deadline that has passed. A busy machine is no reason to go away for ever. */
const late = /^(not (acknowledged|accepted)|message not completed) in time$/;

/** Returns whether no dial helps after this close. */
export const isFinalClose = (code: number, text: string): boolean =>
  code === 1000 || (code === 1008 && !late.test(text)) || (code >= 4000 && code <= 4099);
