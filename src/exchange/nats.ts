import {
  connect,
  type NatsConnection,
  type NodeConnectionOptions,
  PermissionViolationError,
  type Subscription,
} from '@nats-io/transport-node';
import { systemClock } from '../actors/runtime/clock.js';
import { isPlainObject } from '../actors/runtime/guard.js';
import { Activity } from './activity.js';
import { Batch } from './batch.js';
import { refuseDecided, refuseUnknown, wrong } from './checks.js';
import { type Credentials, credentialsOf, discretion, parseUrl, secretsOf } from './credentials.js';
import type { ExchangeListener, ExchangeUplink, StackExchange } from './exchange.js';
import { isSubject, type NatsNames, natsNames, natsSubjects } from './naming.js';

/** Options that the exchange sets: an uplink never reconnects and gets its own messages. `debug` shows secrets. */
const decided = [
  'servers',
  'port',
  'noEcho',
  'debug',
  'reconnect',
  'reconnectTimeWait',
  'reconnectDelayHandler',
  'reconnectJitter',
  'reconnectJitterTLS',
  'reconnectToServer',
  'maxReconnectAttempts',
  'waitOnFirstConnect',
  'ignoreAuthErrorAbort',
] as const satisfies readonly (keyof NodeConnectionOptions)[];

/** Options passed on to the NATS client, such as `tls`, `authenticator`, `name` and `timeout`. */
export type NatsClientSettings = Omit<NodeConnectionOptions, (typeof decided)[number]>;

/** Options of `natsExchange`. */
export interface NatsExchangeOptions {
  /** One server or several: `[nats://|tls://][user:password@|token@]host[:port]`. Never shown (EX17). */
  readonly servers: string | readonly string[];
  /** Prefix of all subjects, the same on all servers. Default `neffos`, as in Go. */
  readonly prefix?: string;
  /** Rule that turns names into subjects (EX13). Default `san`. */
  readonly names?: NatsNames;
  /**
   * Whether to receive answers of neffos 0.0.24 servers too (EX7). Default false. They come on subjects without the
   * prefix; a broker that limits subjects must allow these.
   */
  readonly asksOlder?: boolean;
  /** Options of the NATS client, such as TLS and credentials. `timeout` is in ms. Default 5000. */
  readonly client?: NatsClientSettings;
}

const serversTake = '"host:port", "nats://" or "tls://" and a host, or a list of these';
const defaultTimeout = 5_000;

interface Place extends Credentials {
  readonly address: string;
  readonly isTls: boolean;
  readonly secrets: readonly string[];
}

/** Parses a server. The library ignores credentials in a URL and would read a password of digits as the port. */
const placeOf = (server: unknown): Place => {
  if (typeof server !== 'string' || server === '') throw wrong('servers', serversTake, server);
  const parsed = parseUrl('servers', serversTake, server.includes('://') ? server : `nats://${server}`);
  const isKnown = parsed.protocol === 'nats:' || parsed.protocol === 'tls:';
  const hasMore = !/^\/?$/.test(parsed.pathname) || parsed.search !== '' || parsed.hash !== '';
  if (!isKnown || parsed.hostname === '' || hasMore) throw new TypeError(`option "servers" takes ${serversTake}`);
  const credentials = credentialsOf('servers', parsed);
  return {
    ...credentials,
    address: parsed.host,
    isTls: parsed.protocol === 'tls:',
    secrets: secretsOf(parsed, credentials),
  };
};

/** Returns the login for the client. All URLs must have the same credentials. */
const logIn = (places: readonly Place[], client: NatsClientSettings): Partial<NodeConnectionOptions> => {
  const [first] = places;
  const isSame = places.every(({ username, password }) => username === first?.username && password === first.password);
  if (!isSame) throw new TypeError('option "servers" takes servers with the same credentials, or all of them without');
  if (first === undefined || (first.username === '' && first.password === '')) return {};
  if (client.user !== undefined || client.pass !== undefined || client.token !== undefined || client.authenticator) {
    throw new TypeError('credentials are set in "servers" and in "client"; set them once');
  }
  return first.password === '' ? { token: first.username } : { user: first.username, pass: first.password };
};

const check = (given: NatsExchangeOptions) => {
  if (!isPlainObject(given)) throw wrong('natsExchange', 'an object of options', given);
  refuseUnknown(given, ['servers', 'prefix', 'names', 'asksOlder', 'client']);
  const { servers, prefix = 'neffos', names = 'san', asksOlder = false, client = {} } = given;
  if (typeof prefix !== 'string' || !isSubject(prefix)) {
    throw wrong('prefix', 'a subject: words with dots between them, without "*", ">" and spaces', prefix);
  }
  if (!natsNames.includes(names)) throw wrong('names', `one of ${natsNames.join(', ')}`, names);
  if (typeof asksOlder !== 'boolean') throw wrong('asksOlder', 'true or false', asksOlder);
  if (!isPlainObject(client)) throw wrong('client', 'an object of options of the NATS client', client);
  refuseDecided(client, decided, 'client');
  const places = (Array.isArray(servers) ? servers : [servers]).map(placeOf);
  if (places.length === 0) throw wrong('servers', serversTake, servers);
  const login = logIn(places, client);
  const tls = places.some(({ isTls }) => isTls) && client.tls === undefined ? { tls: {} } : {};
  const secrets = [...places.flatMap(({ secrets }) => secrets), client.pass, client.token];
  return {
    prefix,
    names,
    asksOlder,
    redact: discretion('nats', secrets),
    options: (): NodeConnectionOptions => ({
      timeout: defaultTimeout,
      ...client,
      ...login,
      ...tls,
      servers: places.map(({ address }) => address),
      reconnect: false,
    }),
  };
};

type Redact = ReturnType<typeof check>['redact'];

/** An uplink over one connection (EX2). The library does not reconnect it. */
class NatsUplink implements ExchangeUplink {
  readonly #nats: NatsConnection;
  readonly #listener: ExchangeListener;
  readonly #redact: Redact;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #batches = new Set<Batch>();
  readonly #activity = new Activity();
  /** The batch of this tick, which takes more commands. */
  #open: Batch | undefined;
  #isOver = false;

  constructor(nats: NatsConnection, listener: ExchangeListener, redact: Redact) {
    this.#nats = nats;
    this.#listener = listener;
    this.#redact = redact;
    void this.#listen();
    void nats.closed().then((error) => this.#lose(error ?? new Error('the connection has ended')));
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    this.#check(channels);
    if (channels.length === 0) return;
    for (const channel of channels) {
      if (this.#subscriptions.has(channel)) continue;
      const callback = (error: Error | null, message: { readonly data: Uint8Array }): void => {
        if (error === null) this.#deliver(channel, message.data);
      };
      this.#subscriptions.set(channel, this.#nats.subscribe(channel, { callback }));
    }
    await this.#batch().confirmed('subscription', channels);
  }

  unsubscribe(channels: readonly string[]): void {
    if (this.#isOver) return;
    for (const channel of channels) {
      this.#subscriptions.get(channel)?.unsubscribe();
      this.#subscriptions.delete(channel);
    }
  }

  async publish(channel: string, payload: Uint8Array): Promise<void> {
    this.#check([channel]);
    try {
      this.#nats.publish(channel, payload);
    } catch (error) {
      throw this.#redact(error);
    }
    await this.#batch(payload.length).confirmed('publish', [channel]);
  }

  async ping(): Promise<void> {
    this.#check([]);
    await this.#batch().confirmed('ping', []);
  }

  active(): Promise<void> {
    return this.#activity.next();
  }

  close(): void {
    this.#end(new Error('the uplink has ended'));
  }

  #check(channels: readonly string[]): void {
    if (this.#isOver) throw this.#redact(new Error('the uplink has ended'));
    const invalid = channels.find((channel) => !isSubject(channel));
    if (invalid !== undefined) throw new RangeError(`nats: ${JSON.stringify(invalid)} is no subject`);
  }

  #deliver(channel: string, payload: Uint8Array): void {
    if (this.#isOver) return;
    this.#activity.note();
    try {
      this.#listener.received(channel, payload);
    } catch (error) {
      // An error thrown into the library would stop it from reading the connection.
      this.#lose(error);
    }
  }

  /** Returns the batch of this tick. It is flushed after every command of the tick, or once it is large. */
  #batch(bytes = 0): Batch {
    const batch = this.#open ?? this.#begin();
    batch.bytes += bytes;
    if (batch.isFull) this.#endOf(batch);
    return batch;
  }

  #begin(): Batch {
    const batch = new Batch();
    this.#open = batch;
    this.#batches.add(batch);
    queueMicrotask(() => this.#endOf(batch));
    return batch;
  }

  /** Flushes the batch, if it is still the one that takes commands. */
  #endOf(batch: Batch): void {
    if (this.#open !== batch) return;
    this.#open = undefined;
    if (!this.#isOver) void this.#flush(batch);
  }

  async #flush(batch: Batch): Promise<void> {
    try {
      await this.#nats.flush();
      // The refusal arrives before the answer, but the library reports it later.
      systemClock.setImmediate(() => this.#confirm(batch));
    } catch (error) {
      this.#lose(error);
    }
  }

  #confirm(batch: Batch): void {
    this.#activity.note();
    if (this.#batches.delete(batch)) batch.confirm();
  }

  /** Reads the broker's errors. A refusal fails its own command; every other error ends the uplink. */
  async #listen(): Promise<void> {
    for await (const status of this.#nats.status()) {
      if (status.type !== 'error') continue;
      const { error } = status;
      if (error instanceof PermissionViolationError) this.#refuse(error);
      else this.#lose(error);
    }
  }

  #refuse(error: PermissionViolationError): void {
    const { operation, subject } = error;
    if (operation === 'subscription') this.#subscriptions.delete(subject);
    for (const batch of this.#batches) batch.refused.set(`${operation} ${subject}`, this.#redact(error));
  }

  #lose(error: unknown): void {
    if (this.#end(error)) this.#listener.lost(this.#redact(error));
  }

  /** Ends the uplink. Rejects every pending command, as the library does not settle them. */
  #end(error: unknown): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    for (const batch of this.#batches) batch.fail(this.#redact(error));
    this.#batches.clear();
    this.#subscriptions.clear();
    void this.#nats.close();
    return true;
  }
}

/**
 * Creates an exchange over NATS, on one connection (EX1, EX2). Subjects are named as in neffos: `<prefix>.<name>` and
 * `<prefix>.ask.<token>`, by the rule of `names` (EX13). No error shows credentials (EX17).
 * @throws {TypeError} when an option is wrong.
 * @example
 * await server.useStackExchange(natsExchange({ servers: 'nats://localhost:4222' }));
 */
export const natsExchange = (options: NatsExchangeOptions): StackExchange => {
  const { prefix, names, asksOlder, redact, options: clientOptions } = check(options);
  return {
    name: 'nats',
    channelOf: natsSubjects(prefix, names),
    acceptsBareTokens: asksOlder,
    connect: async (listener) => {
      try {
        return new NatsUplink(await connect(clientOptions()), listener, redact);
      } catch (error) {
        throw redact(error);
      }
    },
  };
};
