import { type Clock, systemClock } from '../actors/runtime/clock.js';
import { type Random, systemRandom } from '../actors/runtime/random.js';
import { makeHandshake, type Transport } from './websocket.js';

/** What a server takes from outside of it: time, random numbers, and the sockets of its clients. */
export interface ServerParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
}

const systemParts: ServerParts = { clock: systemClock, random: systemRandom, transport: makeHandshake };

const key = Symbol('parts');

/**
 * Returns the options of a server that takes these parts in place of the machine's own. It is no part of the public
 * surface: a test kit runs a whole server by it, on a clock, dice and sockets of its own.
 *
 * @example
 * const server = new Server(withParts({ namespaces: { chat: {} } }, { clock, random }));
 */
export const withParts = <Options extends object>(options: Options, parts: Partial<ServerParts>): Options => ({
  ...options,
  [key]: { ...systemParts, ...parts },
});

/** Returns the parts that these options carry, or the machine's own. */
export const partsOf = (options: object & { readonly [key]?: ServerParts }): ServerParts => options[key] ?? systemParts;
