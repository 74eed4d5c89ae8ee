/** Returns how many letters must be added, removed or replaced to turn one text into the other. */
const distance = (one: string, other: string): number => {
  let above = Array.from({ length: other.length + 1 }, (_, column) => column);
  for (let row = 1; row <= one.length; row++) {
    const present = [row];
    for (let column = 1; column <= other.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (one[row - 1] === other[column - 1] ? 0 : 1);
      present.push(Math.min(replaced, (above[column] ?? 0) + 1, (present[column - 1] ?? 0) + 1));
    }
    above = present;
  }
  return above[other.length] ?? 0;
};

/** Maximum length of a name that is compared. */
const longest = 64;

/**
 * Returns the name that was probably meant by an unknown one, if there is one: in other letter case, with spaces around
 * it, or with up to two wrong letters, but less than half of them.
 */
export const nearest = (unknown: string, names: Iterable<string>): string | undefined => {
  const given = unknown.trim().toLowerCase();
  if (given.length > longest) return undefined;
  let best: { readonly name: string; readonly steps: number } | undefined;
  for (const name of names) {
    const steps = distance(given, name.toLowerCase());
    if (steps <= 2 && steps * 2 < name.length && steps < (best?.steps ?? 3)) best = { name, steps };
  }
  return best?.name;
};
