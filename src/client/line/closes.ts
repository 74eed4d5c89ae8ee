/** Maximum delay that a server can name, in ms. */
const maxSlot = 3_600_000;
/** Returns the delay that a close reason names, in ms, or -1. */
export const slotOf = (code: number, text: string): number => {
  const [, ms] = [1001, 1012, 1013].includes(code) ? (/\bretry=(\d+)/.exec(text) ?? []) : [];
  return ms === undefined ? -1 : Math.min(Number(ms), maxSlot);
};

/** Returns whether no dial helps after this close. A deadline that has passed on a busy machine is no verdict. */
export const isFinalClose = (code: number, text: string): boolean =>
  code === 1000 || (code === 1008 && !text.endsWith(' in time')) || (code >= 4000 && code <= 4099);
