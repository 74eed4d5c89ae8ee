import type { IncomingMessage } from 'node:http';
import { getDefaultHighWaterMark } from 'node:stream';
import type { DisconnectReason } from '../actors/api/callbacks.js';
import type { Events, NamespaceBodies, Namespaces, Where } from '../actors/api/handlers.js';
import type { Conn } from '../actors/api/handles.js';
import type { Machines } from '../actors/context.js';
import type { InspectionObserver } from '../actors/telemetry/inspection.js';
import type { RecorderLimits } from '../actors/telemetry/recorder.js';
import type { FrameLog } from '../actors/transport/loggedSocket.js';
import { defaultLimits, type LimitName, type Limits, limitNames, limitRow } from '../limits.js';
import { faultOf, isMachine, machineNames, type OwnMachines } from './machineContract.js';

/** What a `Server` is made of. `Sent` names the events that it sends, for `emit` and `ask` to be checked. */
export interface ServerOptions<Sent extends NamespaceBodies = NamespaceBodies> {
  /** Namespaces and the handlers of their events. */
  readonly namespaces?: Namespaces<Sent>;
  /** Handlers of the empty namespace. */
  readonly events?: Events;
  /** Looks at the request before the upgrade; an error thrown here refuses it, with its `status` if it has one. */
  readonly onUpgrade?: (request: IncomingMessage) => unknown;
  /** Lets a connection in, or throws: the text of the error reaches the client. */
  readonly onConnect?: (conn: Conn) => unknown;
  /** Told once when a connection has ended. */
  readonly onDisconnect?: (conn: Conn, reason: DisconnectReason) => unknown;
  readonly onUpgradeError?: (error: unknown, request: IncomingMessage) => unknown;
  /** Told of every error of a handler, hook or chart. */
  readonly onError?: (error: unknown, where: Where) => unknown;
  /** Names a connection; a random UUID by default. */
  readonly idGenerator?: (request: IncomingMessage) => string | Promise<string>;
  /** Hand every message to every socket before `broadcast` returns. */
  readonly syncBroadcaster?: boolean;
  /** Tell `onDisconnect` also of connections that were never let in. */
  readonly fireDisconnectAlways?: boolean;
  /** The longest piece of background work in one turn of the event loop, in milliseconds. */
  readonly sliceMs?: number;
  readonly limits?: Partial<Limits>;
  /** Who may connect from a browser: pages of the same host, any, or those of a list of origins. */
  readonly origins?: 'same-host' | 'any' | readonly string[];
  /** Charts to run in place of the usual ones, such as `connectionMachine.provide({ … })`; see docs/machines.md (SV18). */
  readonly machines?: Partial<OwnMachines>;
  /** Subprotocols to choose from, most wanted first. */
  readonly protocols?: readonly string[];
  /** Headers that a client may send as URL parameters, beside `x-websocket-reconnect`; never over a real one. */
  readonly urlHeaders?: readonly string[];
  /** Shown what all actors do from the beginning, in the words of xstate's inspection; see `server.inspect` (IN1). */
  readonly inspect?: InspectionObserver;
  /**
   * Keep the last steps of connections, and hand them to `onDisconnect` when one did not end as it should: of every one,
   * or of a sample of them. Off by default (IN5).
   */
  readonly recorder?: boolean | Partial<RecorderLimits>;
  /** Log every frame, without what may be secret: to the console, or to a function. */
  readonly debug?: boolean | FrameLog;
}

/** Every option, present and checked. */
export interface CheckedOptions extends Omit<ServerOptions, 'urlHeaders' | 'recorder' | 'machines'> {
  readonly machines?: Partial<Machines>;
  readonly namespaces: Namespaces;
  readonly limits: Limits;
  readonly origins: 'same-host' | 'any' | readonly string[];
  readonly protocols: readonly string[];
  readonly urlHeaders: ReadonlySet<string>;
  readonly recorder: RecorderLimits | undefined;
  readonly sliceMs: number;
  readonly syncBroadcaster: boolean;
  readonly fireDisconnectAlways: boolean;
}

const callbacks = ['onUpgrade', 'onConnect', 'onDisconnect', 'onUpgradeError', 'onError', 'idGenerator'] as const;
const known: ReadonlySet<string> = new Set([
  ...callbacks,
  'namespaces',
  'events',
  'syncBroadcaster',
  'fireDisconnectAlways',
  'sliceMs',
  'limits',
  'origins',
  'machines',
  'protocols',
  'urlHeaders',
  'inspect',
  'recorder',
  'debug',
]);

const refuseUnknown = (given: object, names: ReadonlySet<string>, what: string): void => {
  for (const name of Object.keys(given)) {
    if (!names.has(name)) throw new TypeError(`${what} "${name}" is unknown; known are ${[...names].join(', ')}`);
  }
};

const isPlainObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Throws unless this can be shown what actors do. */
export const assertObserver = (value: unknown): void => {
  const isObserver =
    typeof value === 'function' || (isPlainObject(value) && 'next' in value && typeof value.next === 'function');
  if (!isObserver) throw new TypeError(`an observer is a function, or has one called "next", got ${String(value)}`);
};

const isListOfStrings = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

const wrong = (option: string, takes: string, value: unknown): TypeError =>
  new TypeError(`option "${option}" takes ${takes}, got ${String(value)}`);

/** The longest that a timer can be set to, and the most that a websocket can count to. */
const most = 2 ** 31 - 1;

const limitFault = (name: LimitName, value: unknown): string | undefined => {
  const { unit, mayBeOff = false } = limitRow(name);
  const isTime = unit === 'ms';
  const isOff = mayBeOff && value === 0;
  const isNumber = typeof value === 'number' && value > 0 && value <= most;
  if (isOff || (isNumber && (isTime || Number.isInteger(value)))) return undefined;
  const kind = isTime ? 'milliseconds above 0' : 'a whole number above 0';
  const orNone = mayBeOff ? ', or 0 for no bound' : '';
  return `limit "${name}" takes ${kind} and up to ${most}${orNone}, got ${String(value)}`;
};

const checkLimits = (given: Partial<Limits>): Limits => {
  if (!isPlainObject(given)) throw wrong('limits', 'an object of limits', given);
  refuseUnknown(given, new Set(limitNames), 'limit');
  for (const name of limitNames) {
    if (!(name in given)) continue;
    const fault = limitFault(name, given[name]);
    if (fault) throw new RangeError(fault);
  }
  const limits = { ...defaultLimits, ...given };
  const least = getDefaultHighWaterMark(false);
  if (limits.highWaterMark < least) {
    throw new RangeError(`limit "highWaterMark" is at least a socket's own ${least}, got ${limits.highWaterMark}`);
  }
  return limits;
};

const headerName = /^[a-z0-9-]{1,64}$/;
/** These say who asks for what from where: an address that somebody else has written must not. */
const neverByUrl = /^(?:host|origin|cookie|connection|upgrade|sec-.*)$/;

const checkUrlHeaders = (given: readonly string[]): ReadonlySet<string> => {
  if (!isListOfStrings(given)) throw wrong('urlHeaders', 'a list of names of headers', given);
  const names = given.map((name) => name.toLowerCase());
  for (const name of names) {
    if (!headerName.test(name)) throw wrong('urlHeaders', 'names of letters, digits and "-"', name);
    if (neverByUrl.test(name)) throw new TypeError(`option "urlHeaders" never takes "${name}": a link could set it`);
  }
  return new Set(['x-websocket-reconnect', ...names]);
};

const checkMachines = (machines: Partial<OwnMachines>): Partial<Machines> => {
  if (!isPlainObject(machines)) throw wrong('machines', 'an object of charts', machines);
  refuseUnknown(machines, new Set(machineNames), 'machine');
  const faults = machineNames.flatMap((name) => {
    if (!(name in machines)) return [];
    const machine: unknown = machines[name];
    if (!isMachine(machine)) throw wrong(`machines.${name}`, 'a machine, as createMachine makes one', machine);
    return faultOf(name, machine) ?? [];
  });
  if (faults.length > 0) throw new TypeError(faults.join('\n'));
  // A chart that keeps the contract is wired, stepped and asked just as the usual one is.
  return machines as Partial<Machines>;
};

const checkRecorder = (given: boolean | Partial<RecorderLimits>): RecorderLimits | undefined => {
  if (typeof given === 'boolean') return given ? { last: 16, sample: 1 } : undefined;
  if (!isPlainObject(given)) throw wrong('recorder', 'true, false or { last?, sample? }', given);
  refuseUnknown(given, new Set(['last', 'sample']), 'option');
  const { last = 16, sample = 1 } = given;
  if (!Number.isInteger(last) || last < 1 || last > 1_000)
    throw wrong('recorder.last', 'a number from 1 to 1 000', last);
  if (!(sample > 0 && sample <= 1)) throw wrong('recorder.sample', 'a part of 1, above 0', sample);
  return { last, sample };
};

/** Checks what the program asks for, once, and fills in the defaults. Throws with what it got and what it takes. */
export const checkOptions = (given: ServerOptions): CheckedOptions => {
  if (!isPlainObject(given)) throw new TypeError(`new Server takes an object of options, got ${String(given)}`);
  refuseUnknown(given, known, 'option');
  for (const hook of callbacks) {
    const value = given[hook];
    if (value !== undefined && typeof value !== 'function') throw wrong(hook, 'a function', typeof value);
  }
  for (const flag of ['syncBroadcaster', 'fireDisconnectAlways'] as const) {
    const value = given[flag];
    if (value !== undefined && typeof value !== 'boolean') throw wrong(flag, 'true or false', value);
  }
  const { sliceMs = 4, origins = 'same-host', protocols = [], limits = {}, namespaces = {}, debug } = given;
  const { machines, ...rest } = given;
  if (!isPlainObject(namespaces)) throw wrong('namespaces', 'an object of namespaces', namespaces);
  if (typeof sliceMs !== 'number' || !(sliceMs > 0)) throw wrong('sliceMs', 'milliseconds above 0', sliceMs);
  if (origins !== 'same-host' && origins !== 'any' && !isListOfStrings(origins)) {
    throw wrong('origins', "'same-host', 'any' or a list of origins", origins);
  }
  if (!isListOfStrings(protocols)) throw wrong('protocols', 'a list of names', protocols);
  if (debug !== undefined && typeof debug !== 'boolean' && typeof debug !== 'function') {
    throw wrong('debug', 'true, false or a function', debug);
  }
  if (given.inspect !== undefined) assertObserver(given.inspect);
  return {
    ...rest,
    ...(machines !== undefined && { machines: checkMachines(machines) }),
    namespaces,
    limits: checkLimits(limits),
    origins,
    protocols,
    urlHeaders: checkUrlHeaders(given.urlHeaders ?? []),
    recorder: checkRecorder(given.recorder ?? false),
    sliceMs,
    syncBroadcaster: given.syncBroadcaster ?? false,
    fireDisconnectAlways: given.fireDisconnectAlways ?? false,
  };
};
