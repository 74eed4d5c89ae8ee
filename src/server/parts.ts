import { type Clock, systemClock } from '../actors/runtime/clock.js';
import { type FastPaths, fastPaths } from '../actors/runtime/fastPaths.js';
import { type Random, systemRandom } from '../actors/runtime/random.js';
import { makeHandshake, type Transport } from './socket/handshake.js';

/** The parts of a server that tests replace: time, random numbers, and the sockets of its clients. */
export interface ServerParts {
  /** The source of time, timers and ticks. */
  readonly clock: Clock;
  /** The source of random numbers. */
  readonly random: Random;
  /** Turns upgrade requests into sockets. */
  readonly transport: Transport;
  /** The shortcuts that it takes. */
  readonly fastPaths: FastPaths;
}

const systemParts: ServerParts = { clock: systemClock, random: systemRandom, transport: makeHandshake, fastPaths };

const key = Symbol('parts');

/**
 * Returns options of a server that uses these parts instead of those of the process. It is not public: the test kit
 * runs a whole server with its own clock, random numbers and sockets.
 *
 * @example
 * const server = new Server(withParts({ namespaces: { chat: {} } }, { clock, random }));
 */
export const withParts = <Options extends object>(options: Options, parts: Partial<ServerParts>): Options => ({
  ...options,
  [key]: { ...systemParts, ...parts },
});

/** Returns the parts that these options carry, or those of the process. */
export const partsOf = (options: object & { readonly [key]?: ServerParts }): ServerParts => options[key] ?? systemParts;
