// The protocol between the bench and its processes: one JSON object per line, over stdin and stdout.
import { createInterface } from 'node:readline';

/**
 * @typedef {Readonly<Record<string, unknown>>} Fields
 * @typedef {(args: Fields) => unknown} Verb runs a request; its result is the answer
 */

/** Writes one line. @param {Fields} fields */
export const writeLine = (fields) => process.stdout.write(`${JSON.stringify(fields)}\n`);

/**
 * Answers requests until stdin ends. Then the process exits.
 *
 * @param {Readonly<Record<string, Verb>>} verbs
 */
export const answerRequests = (verbs) => {
  const lines = createInterface({ input: process.stdin });
  lines.on('close', () => process.exit(0));
  lines.on('line', async (line) => {
    const { id, verb, ...args } = JSON.parse(line);
    try {
      const run = verbs[verb];
      if (!run) throw new Error(`there is no verb "${verb}"`);
      writeLine({ id, ...Object(await run(args)) });
    } catch (error) {
      writeLine({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
};

/**
 * Returns a number among the arguments of a request.
 *
 * @param {Fields} args
 * @param {string} name
 * @param {number} [otherwise] the default
 */
export const number = (args, name, otherwise) => {
  const value = args[name] ?? otherwise;
  if (typeof value !== 'number') throw new TypeError(`"${name}" takes a number, got ${String(value)}`);
  return value;
};

/**
 * Returns a text among the arguments of a request. Default ''.
 *
 * @param {Fields} args
 * @param {string} name
 */
export const text = (args, name) => {
  const value = args[name] ?? '';
  if (typeof value !== 'string') throw new TypeError(`"${name}" takes a string, got ${String(value)}`);
  return value;
};
