import { type FastPaths, fastPaths } from '../../../src/actors/runtime/fastPaths.js';

/** The names of all shortcuts. */
// The object has the keys of its type, and no others.
const names = Object.keys(fastPaths) as readonly (keyof FastPaths)[];

/** Returns the shortcuts of which the ones that pass are taken. */
const shortcutsOf = (isTaken: (at: number) => boolean): FastPaths => ({
  ...fastPaths,
  ...Object.fromEntries(names.map((name, at) => [name, isTaken(at)])),
});

/** No shortcut is taken. */
export const noShortcuts = shortcutsOf(() => false);

/** Every choice of shortcuts. */
export const allShortcuts: readonly FastPaths[] = Array.from({ length: 2 ** names.length }, (_, bits) =>
  shortcutsOf((at) => (bits & (1 << at)) > 0),
);
