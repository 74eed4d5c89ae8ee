// Stands in for `@fast-check/vitest`, which takes two seconds of a core to load: it builds every combination of `.skip`,
// `.only`, `.fails` and so on. The tests use `.prop([arbitraries])` alone, and no hook has to run between two values.
import fc from 'fast-check';
import { test as plain } from 'vitest';

/**
 * @param {[fc.Arbitrary<unknown>, ...fc.Arbitrary<unknown>[]]} arbitraries
 * @param {fc.Parameters<[unknown, ...unknown[]]>} [parameters]
 * @returns {(title: string, property: (...values: unknown[]) => unknown, timeout?: number) => void}
 */
const prop = (arbitraries, parameters) => (title, property, timeout) => {
  /** @param {readonly unknown[]} values */
  // The package hands on what the property returns as well: `false` is a failure.
  const predicate = (...values) => Promise.resolve(/** @type {boolean | void} */ (property(...values)));
  const whole = fc.asyncProperty(...arbitraries, predicate);
  plain(title, () => fc.assert(whole, parameters), timeout);
};

export { fc };
export const test = Object.assign(plain.extend({}), { prop });
