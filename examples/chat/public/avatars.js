// @ts-check
/** The looks of avatars: initials on a color and a shape. No two people of a room share a color while there is another one. */

export const HUES = 12; // Every second one is a deep tone, so that neighbors differ in more than their hue.
const SHAPES = 4;
const STEP = 5; // Leads through all hues, and far from the one before.

/** @typedef {{ readonly hue: number, readonly shape: number }} Look */

/** Returns a number that depends on the letters of a name only. @param {string} name */
function hashOf(name) {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ Number(char.codePointAt(0)), 0x01000193) >>> 0;
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** Returns how far two hues are apart on their wheel. @param {number} one @param {number} other */
function distance(one, other) {
  const way = Math.abs(one - other);
  return Math.min(way, HUES - way);
}

/** Returns one or two letters of a name. @param {string} name */
export function initialsOf(name) {
  const words = name.match(/[\p{L}\p{N}]+/gu) ?? [name];
  const [first = '', last = ''] = [words[0], words.at(-1)];
  const letters = words.length > 1 ? [[...first][0], [...last][0]] : [...first].slice(0, 2);
  return letters.join('').toUpperCase();
}

/** The looks of the people in a room. Each name has the color of its letters, or the next one that is free. */
export class Looks {
  /** @type {Map<string, Look>} */
  #looks = new Map();

  /** Gives looks to these people, in the order in which they came. They keep them. @param {readonly string[]} people */
  welcome(people) {
    /** @type {Look[]} */
    const present = [];
    for (const name of new Set(people)) {
      const kept = this.#looks.get(name);
      const isTaken = kept && present.some(({ hue }) => hue === kept.hue) && present.length < HUES;
      const look = kept && !isTaken ? kept : this.#find(name, present);
      this.#looks.set(name, look);
      present.push(look);
    }
  }

  /** Returns the look of a name. @param {string} name @returns {Look} */
  of(name) {
    const look = this.#looks.get(name) ?? this.#find(name, []);
    this.#looks.set(name, look);
    return look;
  }

  /** @param {string} name @param {readonly Look[]} present @returns {Look} */
  #find(name, present) {
    const hash = hashOf(name);
    const shape = Math.floor(hash / HUES) % SHAPES;
    const hues = Array.from({ length: HUES }, (_, turn) => (hash + turn * STEP) % HUES);
    // In a small room the colors lie far apart.
    for (const gap of [3, 2, 1]) {
      const free = hues.find((hue) => present.every((look) => distance(look.hue, hue) >= gap));
      if (free !== undefined) return { hue: free, shape };
    }
    for (const one of hues) {
      for (let turn = 0; turn < SHAPES; turn++) {
        const look = { hue: one, shape: (shape + turn) % SHAPES };
        if (!present.some((other) => other.hue === look.hue && other.shape === look.shape)) return look;
      }
    }
    return { hue: hash % HUES, shape };
  }
}
