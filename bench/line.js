// How the conductor and its processes talk: one JSON object a line, over stdin and stdout.
import { createInterface } from 'node:readline';

/**
 * @typedef {Readonly<Record<string, unknown>>} Fields
 * @typedef {(args: Fields) => unknown} Verb what a process does when it is told; its result is answered
 */

/** @param {Fields} fields */
export const say = (fields) => process.stdout.write(`${JSON.stringify(fields)}\n`);

/**
 * Answers requests until stdin ends, and ends with it.
 *
 * @param {Readonly<Record<string, Verb>>} verbs
 */
export const obey = (verbs) => {
  const lines = createInterface({ input: process.stdin });
  lines.on('close', () => process.exit(0));
  lines.on('line', async (line) => {
    const { id, verb, ...args } = JSON.parse(line);
    try {
      const act = verbs[verb];
      if (!act) throw new Error(`there is no verb "${verb}"`);
      say({ id, ...Object(await act(args)) });
    } catch (error) {
      say({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
};

/**
 * @param {Fields} args
 * @param {string} name
 * @param {number} [otherwise]
 */
export const number = (args, name, otherwise) => {
  const value = args[name] ?? otherwise;
  if (typeof value !== 'number') throw new TypeError(`"${name}" takes a number, got ${String(value)}`);
  return value;
};

/**
 * @param {Fields} args
 * @param {string} name
 */
export const text = (args, name) => {
  const value = args[name] ?? '';
  if (typeof value !== 'string') throw new TypeError(`"${name}" takes a string, got ${String(value)}`);
  return value;
};
