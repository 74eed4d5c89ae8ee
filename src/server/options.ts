import type { IncomingMessage } from 'node:http';
import { getDefaultHighWaterMark } from 'node:stream';
import type { DisconnectReason } from '../actors/api/callbacks.js';
import type { Events, NamespaceBodies, Namespaces, Where } from '../actors/api/handlers.js';
import type { Conn } from '../actors/api/handles.js';
import type { Machines } from '../actors/context.js';
import type { AuthenticationAttempt } from '../actors/sessions/authenticator.js';
import type { InspectionObserver } from '../actors/telemetry/inspection.js';
import type { RecorderLimits } from '../actors/telemetry/recorder.js';
import type { FrameLog } from '../actors/transport/loggedSocket.js';
import { defaultLimits, type LimitName, type Limits, limitNames, limitRow } from '../limits.js';
import { sessionHint } from '../protocol/session.js';
import { faultOf, isMachine, machineNames, type OwnMachines } from './machineContract.js';

/** Options of a `Server`. `Sent` maps the events that it sends to their bodies, to check `emit` and `ask`. */
export interface ServerOptions<Sent extends NamespaceBodies = NamespaceBodies> {
  /** Namespaces, each with the handlers of its events. Default: none. */
  readonly namespaces?: Namespaces<Sent>;
  /** Handlers of the empty namespace. Default: none. */
  readonly events?: Events;
  /** Hook before the upgrade. An error that it throws or returns refuses it, with the error's `status` or 403 (HS1). */
  readonly onUpgrade?: (request: IncomingMessage) => unknown;
  /**
   * Hook that says who a client is: returns the user or `{ user, expiresAt }`, or throws. It runs for every client before
   * its id is made, and again for each new token. `expiresAt` is a Date or the ms since 1970 (SS9). Default: no users.
   */
  readonly authenticate?: (attempt: AuthenticationAttempt) => unknown;
  /** Returns true if a new token is of the same user. Default: whether both are equal primitives or have an equal `id`. */
  readonly sameUser?: (one: unknown, other: unknown) => boolean;
  /** Hook that accepts a connection. If it throws or rejects, the client receives the error's text and 1008 (HS7). */
  readonly onConnect?: (conn: Conn) => unknown;
  /** Hook after a connection has ended, called once (SV6). */
  readonly onDisconnect?: (conn: Conn, reason: DisconnectReason) => unknown;
  /** Hook for each refused upgrade, client and token (HS1, SS9). */
  readonly onUpgradeError?: (error: unknown, request: IncomingMessage) => unknown;
  /** Hook for every error of a handler, hook, visitor or chart (SV2). Default: errors are not reported. */
  readonly onError?: (error: unknown, where: Where) => unknown;
  /** Returns the id of a new connection, 1 to 128 bytes (HS11). Default: a random UUID. */
  readonly idGenerator?: (request: IncomingMessage, user: unknown) => string | Promise<string>;
  /** Whether every flowing socket has a message before `broadcast` returns (BC8). Default false. */
  readonly syncBroadcaster?: boolean;
  /** Whether `onDisconnect` is also called for connections that were not accepted (SV6). Default false. */
  readonly fireDisconnectAlways?: boolean;
  /** Maximum time of background work in one tick, in ms. Default 4. On breach: the rest waits for later ticks (BC5). */
  readonly sliceMs?: number;
  /** Limits that differ from `defaultLimits`. */
  readonly limits?: Partial<Limits>;
  /** Origins allowed in a browser's upgrade: the request's own host, any, or a list. Default `'same-host'` (HS13). */
  readonly origins?: 'same-host' | 'any' | readonly string[];
  /** Charts that replace Muster's own, such as `connectionMachine.provide({ … })`; see docs/machines.md (SV18). */
  readonly machines?: Partial<OwnMachines>;
  /** Subprotocols to choose from, in order of preference. Default: none (HS16). */
  readonly protocols?: readonly string[];
  /** Headers allowed as URL parameters, beside `x-websocket-reconnect` and `x-muster`. They never replace a real header (HS14). */
  readonly urlHeaders?: readonly string[];
  /** Observer of all actors from the start, in XState's inspection format; see `server.inspect` (IN1). */
  readonly inspect?: InspectionObserver;
  /**
   * Recorder of the last steps of every connection, or of a sample. `onDisconnect` receives them if a connection ends
   * abnormally (IN5). Default false. `true`: 16 steps of every connection.
   */
  readonly recorder?: boolean | Partial<RecorderLimits>;
  /** Whether to log every frame, without its body: to the console, or to a function (SV12). Default false. */
  readonly debug?: boolean | FrameLog;
}

/** The options after the check, with defaults. Members are as in `ServerOptions`. */
export interface CheckedOptions extends Omit<ServerOptions, 'urlHeaders' | 'recorder' | 'machines'> {
  /** Charts of the program that passed the check (SV18). */
  readonly machines?: Partial<Machines>;
  /** Namespaces with their handlers. */
  readonly namespaces: Namespaces;
  /** Every limit. */
  readonly limits: Limits;
  /** Allowed origins. */
  readonly origins: 'same-host' | 'any' | readonly string[];
  /** Subprotocols, in order of preference. */
  readonly protocols: readonly string[];
  /** Lower-case names of headers allowed as URL parameters. */
  readonly urlHeaders: ReadonlySet<string>;
  /** Limits of the recorder, or `undefined` if it is off. */
  readonly recorder: RecorderLimits | undefined;
  /** Maximum time of background work in one tick, in ms. */
  readonly sliceMs: number;
  /** Whether `broadcast` writes before it returns. */
  readonly syncBroadcaster: boolean;
  /** Whether `onDisconnect` is also called for connections that were not accepted. */
  readonly fireDisconnectAlways: boolean;
}

const callbacks = [
  'onUpgrade',
  'onConnect',
  'onDisconnect',
  'onUpgradeError',
  'onError',
  'idGenerator',
  'authenticate',
  'sameUser',
] as const;
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

/**
 * Checks that a value is an observer.
 * @throws {TypeError} when it is neither a function nor an object with a `next` function.
 */
export const assertObserver = (value: unknown): void => {
  const isObserver =
    typeof value === 'function' || (isPlainObject(value) && 'next' in value && typeof value.next === 'function');
  if (!isObserver) throw new TypeError(`an observer is a function, or has one called "next", got ${String(value)}`);
};

const isListOfStrings = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

const wrong = (option: string, takes: string, value: unknown): TypeError =>
  new TypeError(`option "${option}" takes ${takes}, got ${String(value)}`);

/** Maximum of a limit: the longest timer in ms, and the largest count that `ws` accepts. */
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
/** Headers that identify the client and its request. A link written by a third party must not set them. */
const neverByUrl = /^(?:host|origin|cookie|connection|upgrade|sec-.*)$/;

const checkUrlHeaders = (given: readonly string[]): ReadonlySet<string> => {
  if (!isListOfStrings(given)) throw wrong('urlHeaders', 'a list of names of headers', given);
  const names = given.map((name) => name.toLowerCase());
  for (const name of names) {
    if (!headerName.test(name)) throw wrong('urlHeaders', 'names of letters, digits and "-"', name);
    if (neverByUrl.test(name)) throw new TypeError(`option "urlHeaders" never takes "${name}": a link could set it`);
  }
  return new Set(['x-websocket-reconnect', sessionHint, ...names]);
};

const checkMachines = (machines: Partial<OwnMachines>): Partial<Machines> => {
  if (!isPlainObject(machines)) throw wrong('machines', 'an object of charts', machines);
  refuseUnknown(machines, new Set(machineNames), 'machine');
  const faults = machineNames.flatMap((name) => {
    if (!(name in machines)) return [];
    const machine: unknown = machines[name];
    if (!isMachine(machine)) throw wrong(`machines.${name}`, 'a machine, such as createMachine returns', machine);
    return faultOf(name, machine) ?? [];
  });
  if (faults.length > 0) throw new TypeError(faults.join('\n'));
  // A chart that meets the contract is used exactly like Muster's own, so it may have the same type.
  return machines as Partial<Machines>;
};

const checkRecorder = (given: boolean | Partial<RecorderLimits>): RecorderLimits | undefined => {
  if (typeof given === 'boolean') return given ? { last: 16, sample: 1 } : undefined;
  if (!isPlainObject(given)) throw wrong('recorder', 'true, false or { last?, sample? }', given);
  refuseUnknown(given, new Set(['last', 'sample']), 'option');
  const { last = 16, sample = 1 } = given;
  if (!Number.isInteger(last) || last < 1 || last > 1_000)
    throw wrong('recorder.last', 'a number from 1 to 1 000', last);
  if (!(sample > 0 && sample <= 1)) throw wrong('recorder.sample', 'a number above 0 and up to 1', sample);
  return { last, sample };
};

/** Returns the hooks that the actors of a server run. */
export const hooksOf = ({ onConnect, onDisconnect, onError, onUpgradeError, ...rest }: CheckedOptions) => {
  const { idGenerator, authenticate, sameUser } = rest;
  return { onConnect, onDisconnect, onError, onUpgradeError, idGenerator, authenticate, sameUser };
};

/**
 * Returns the checked options, with defaults (LM2). An error names the received and the allowed values.
 * @throws {TypeError} when an option is unknown or has the wrong shape.
 * @throws {RangeError} when a limit is out of range.
 */
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
