import { getDefaultHighWaterMark } from 'node:stream';
import type { Machines } from '../actors/context.js';
import { isPlainObject } from '../actors/runtime/guard.js';
import type { RecorderLimits } from '../actors/telemetry/recorder.js';
import { type CompressionOptions, maxDeflated } from '../broadcast/deflater.js';
import { defaultLimits, type LimitName, type Limits, limitNames, limitRow } from '../limits.js';
import { nearest } from '../protocol/nearest.js';
import { sessionHint } from '../protocol/session.js';
import { Proxies } from './admission/proxies.js';
import { faultOf, isMachine, machineNames, type OwnMachines } from './machineContract.js';
import type { CheckedOptions, ServerOptions } from './options.js';

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
  'contract',
  'checkOutgoing',
  'exposeErrors',
  'namespaces',
  'events',
  'use',
  'syncBroadcaster',
  'fireDisconnectAlways',
  'sliceMs',
  'limits',
  'origins',
  'trustProxy',
  'compression',
  'machines',
  'protocols',
  'urlHeaders',
  'inspect',
  'recorder',
  'debug',
]);

const refuseUnknown = (given: object, names: ReadonlySet<string>, what: string): void => {
  for (const name of Object.keys(given)) {
    if (names.has(name)) continue;
    const meant = nearest(name, names);
    const hint = meant === undefined ? '' : ` (did you mean "${meant}"?)`;
    throw new TypeError(`${what} "${name}" is unknown${hint}; known are ${[...names].join(', ')}`);
  }
};

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
const neverByUrl = /^(?:host|origin|cookie|connection|upgrade|forwarded|x-forwarded-.*|sec-.*)$/;

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

const checkCompression = (given: boolean | Partial<CompressionOptions>): CompressionOptions | undefined => {
  if (given === false) return undefined;
  if (given !== true && !isPlainObject(given)) {
    throw wrong('compression', 'true, false or { threshold?, level? }', given);
  }
  const chosen = given === true ? {} : given;
  refuseUnknown(chosen, new Set(['threshold', 'level']), 'option');
  const { threshold = 1_024, level = 1 } = chosen;
  const isWithin = (value: unknown, least: number, greatest: number): boolean =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= greatest;
  if (!isWithin(threshold, 0, maxDeflated)) {
    throw wrong('compression.threshold', `a number of bytes from 0 to ${maxDeflated}`, threshold);
  }
  if (!isWithin(level, 1, 9)) throw wrong('compression.level', 'a number from 1 to 9', level);
  return { threshold, level };
};

/** Returns the hooks that the actors of a server run. */
export const hooksOf = ({ onConnect, onDisconnect, onError, onUpgradeError, ...rest }: CheckedOptions) => {
  const { idGenerator, authenticate, sameUser, exposeErrors } = rest;
  return { onConnect, onDisconnect, onError, onUpgradeError, idGenerator, authenticate, sameUser, exposeErrors };
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
  if (given.sameUser && !given.authenticate) {
    throw new TypeError('option "sameUser" compares the users of "authenticate", which is not given');
  }
  for (const flag of ['syncBroadcaster', 'fireDisconnectAlways', 'checkOutgoing', 'exposeErrors'] as const) {
    const value = given[flag];
    if (value !== undefined && typeof value !== 'boolean') throw wrong(flag, 'true or false', value);
  }
  const { sliceMs = 4, origins = 'same-host', protocols = [], limits = {}, namespaces = {}, debug } = given;
  const { machines, trustProxy = false, ...rest } = given;
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
    contract: given.contract,
    events: given.events,
    use: given.use,
    checkOutgoing: given.checkOutgoing ?? false,
    exposeErrors: given.exposeErrors ?? true,
    ...(machines !== undefined && { machines: checkMachines(machines) }),
    namespaces,
    limits: checkLimits(limits),
    origins,
    proxies: new Proxies(trustProxy),
    protocols,
    urlHeaders: checkUrlHeaders(given.urlHeaders ?? []),
    compression: checkCompression(given.compression ?? false),
    recorder: checkRecorder(given.recorder ?? false),
    sliceMs,
    syncBroadcaster: given.syncBroadcaster ?? false,
    fireDisconnectAlways: given.fireDisconnectAlways ?? false,
  };
};
