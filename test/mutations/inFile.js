/**
 * One-line faults, each of which breaks a rule. `find` stands once in its file; `rules` are those that it breaks, of
 * which one must have a test that notices.
 *
 * @typedef {{ readonly name: string, readonly file: string, readonly find: string, readonly replace: string,
 *   readonly rules: readonly string[] }} Fault
 */

/**
 * @param {string} file
 * @param {readonly (readonly [name: string, rules: string, find: string, replace: string])[]} faults
 * @returns {Fault[]}
 */
export const inFile = (file, faults) =>
  faults.map(([name, rules, find, replace]) => ({ name, file, find, replace, rules: rules.split(' ') }));
