import { createClient, type RedisClientOptions, type RespVersions } from 'redis';
import { systemClock } from '../actors/runtime/clock.js';
import { isPlainObject } from '../actors/runtime/guard.js';
import { Activity } from './activity.js';
import { refuseDecided, refuseUnknown, wrong } from './checks.js';
import { credentialsOf, discretion, parseUrl, secretsOf } from './credentials.js';
import type { ExchangeListener, ExchangeUplink, StackExchange } from './exchange.js';
import { redisNames } from './naming.js';

/** No modules, functions or scripts of Redis. */
type Nothing = Record<string, never>;
/** Options of node-redis. */
type ClientOptions = RedisClientOptions<Nothing, Nothing, Nothing, RespVersions>;

/** Options that the exchange sets: an uplink never reconnects, and commands keep the order of the calls. */
const decided = [
  'url',
  'disableOfflineQueue',
  'commandOptions',
  'modules',
  'functions',
  'scripts',
  'clientSideCache',
  'emitInvalidate',
  'himportRegistry',
  'maintNotifications',
  'maintEndpointType',
  'maintRelaxedCommandTimeout',
  'maintRelaxedSocketTimeout',
] as const satisfies readonly (keyof ClientOptions)[];

/** Options of the socket that the URL or the exchange sets. */
const decidedOfSocket = ['reconnectStrategy', 'host', 'port', 'path', 'tls'] as const;

/** Options less some names, for each member of a union. */
type Without<Options, Names extends PropertyKey> = Options extends unknown ? Omit<Options, Names> : never;

/** Options passed on to node-redis, such as certificates under `socket`, `credentialsProvider`, `name` and `RESP`. */
export type RedisClientSettings = Omit<ClientOptions, (typeof decided)[number] | 'socket'> & {
  /** Options of the socket, such as `connectTimeout` and certificates. */
  readonly socket?: Without<NonNullable<ClientOptions['socket']>, (typeof decidedOfSocket)[number]>;
};

/** Options of `redisExchange`. */
export interface RedisExchangeOptions {
  /** URL: `redis://` or, with TLS, `rediss://`, then `[[user]:password@]host[:port][/database]`. Never shown (EX17). */
  readonly url: string;
  /** Prefix of all channels, the same on all servers: the channel passed to Go's `NewStackExchange` (EX13). */
  readonly channel: string;
  /**
   * Whether to receive answers of neffos 0.0.24 servers too (EX7). Default false. They come on channels without the
   * prefix; a broker that limits channels must allow these.
   */
  readonly asksOlder?: boolean;
  /** Options of node-redis, such as TLS and credentials. `socket.connectTimeout` is in ms. Default 5000. */
  readonly client?: RedisClientSettings;
}

const urlTakes = '"redis://" or "rediss://" and a host';
/** Default connect timeout, in ms. The library has the same, but only for the first half of connecting. */
const defaultTimeout = 5_000;
/** Maximum number of channels in one subscribe command. */
const chunkSize = 1_000;

const check = (given: RedisExchangeOptions) => {
  if (!isPlainObject(given)) throw wrong('redisExchange', 'an object of options', given);
  refuseUnknown(given, ['url', 'channel', 'asksOlder', 'client']);
  const { url, channel, asksOlder = false, client = {} } = given;
  if (typeof url !== 'string' || url === '') throw wrong('url', urlTakes, url);
  if (typeof channel !== 'string' || channel === '') throw wrong('channel', 'a string that is not empty', channel);
  if (/\p{Cs}/u.test(channel)) throw new RangeError('option "channel" has a lone surrogate');
  if (typeof asksOlder !== 'boolean') throw wrong('asksOlder', 'true or false', asksOlder);
  if (!isPlainObject(client)) throw wrong('client', 'an object of options of node-redis', client);
  refuseDecided(client, decided, 'client');
  const { socket = {} } = client;
  if (!isPlainObject(socket)) throw wrong('client.socket', 'an object of options of a socket', socket);
  refuseDecided(socket, decidedOfSocket, 'client.socket');

  const parsed = parseUrl('url', urlTakes, url);
  const isRedis = parsed.protocol === 'redis:' || parsed.protocol === 'rediss:';
  if (!isRedis || parsed.hostname === '') throw new TypeError(`option "url" takes ${urlTakes}`);
  if (!/^(?:\/\d*)?$/.test(parsed.pathname))
    throw new TypeError('option "url" takes the number of a database as its path');
  const credentials = credentialsOf('url', parsed);
  const hasOwn = client.username !== undefined || client.password !== undefined || client.credentialsProvider;
  if (hasOwn && (parsed.username || parsed.password)) {
    throw new TypeError('credentials are set in "url" and in "client"; set them once');
  }
  const timeout: unknown = 'connectTimeout' in socket ? socket.connectTimeout : undefined;
  return {
    channel,
    asksOlder,
    timeout: typeof timeout === 'number' && timeout > 0 ? timeout : defaultTimeout,
    redact: discretion('redis', [...secretsOf(parsed, credentials), client.password]),
    // The library changes the options that it gets, so every client has its own.
    options: (): ClientOptions => ({
      ...client,
      url,
      // A client that the broker moves elsewhere would not report the messages lost on the way.
      maintNotifications: 'disabled',
      disableOfflineQueue: true,
      socket: { ...socket, reconnectStrategy: false },
    }),
  };
};

type Checked = ReturnType<typeof check>;

const dial = (options: ClientOptions) => createClient<Nothing, Nothing, Nothing, RespVersions>(options);
type Client = ReturnType<typeof dial>;

const chunksOf = (channels: readonly string[]): string[][] => {
  const chunks: string[][] = [];
  for (let at = 0; at < channels.length; at += chunkSize) chunks.push(channels.slice(at, at + chunkSize));
  return chunks;
};

/** An uplink over two connections: a subscribed one may refuse other commands (EX2). When one ends, both end. */
class RedisUplink implements ExchangeUplink {
  readonly #publisher: Client;
  readonly #subscriber: Client;
  readonly #fromPublisher = new Activity();
  readonly #fromSubscriber = new Activity();
  readonly #redact: Checked['redact'];
  readonly #received: ExchangeListener['received'];
  #ended: ((error: Error) => void) | undefined;

  constructor({ options, redact }: Checked, { received }: ExchangeListener) {
    this.#publisher = dial(options());
    this.#subscriber = dial(options());
    this.#redact = redact;
    this.#received = received;
  }

  /** Resolves once both connections are up. An end before that rejects; a later end calls `lost`. */
  open(timeout: number, lost: ExchangeListener['lost']): Promise<ExchangeUplink> {
    return new Promise((resolve, reject) => {
      this.#ended = reject;
      const late = systemClock.setTimeout(() => this.#end(new Error(`no answer within ${timeout} ms`)), timeout);
      const both = [this.#publisher, this.#subscriber].map(async (client) => {
        client.on('error', (error: unknown) => this.#end(error));
        client.on('end', () => this.#end(new Error('the connection has ended')));
        await client.connect();
        // A socket that was connecting when its client was destroyed still opens.
        if (this.#ended === undefined) client.destroy();
      });
      Promise.all(both)
        .then(
          () => {
            if (this.#ended === undefined) return;
            this.#ended = lost;
            resolve(this);
          },
          (error: unknown) => this.#end(error),
        )
        .finally(() => systemClock.clearTimeout(late));
    });
  }

  subscribe(channels: readonly string[]): Promise<void> {
    const subscribeTo = async (chunk: string[]): Promise<void> => {
      await this.#subscriber.subscribe(chunk, this.#deliver, true);
      this.#fromSubscriber.note();
    };
    return this.#ask(chunksOf(channels).map((chunk) => () => subscribeTo(chunk)));
  }

  unsubscribe(channels: readonly string[]): void {
    if (this.#ended === undefined) return;
    for (const chunk of chunksOf(channels)) {
      // It fails only if the connection ends. Then `lost` reports that.
      this.#subscriber.unsubscribe(chunk, this.#deliver, true).catch(() => {});
    }
  }

  async publish(channel: string, payload: Uint8Array): Promise<void> {
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    await this.#ask([() => this.#publisher.publish(channel, bytes)]);
    this.#fromPublisher.note();
  }

  ping(): Promise<void> {
    const pingOn = async (client: Client, activity: Activity): Promise<void> => {
      await client.ping();
      activity.note();
    };
    return this.#ask([
      () => pingOn(this.#publisher, this.#fromPublisher),
      () => pingOn(this.#subscriber, this.#fromSubscriber),
    ]);
  }

  async active(): Promise<void> {
    await Promise.all([this.#fromPublisher.next(), this.#fromSubscriber.next()]);
  }

  close(): void {
    this.#ended = undefined;
    this.#destroy();
  }

  readonly #deliver = (payload: Buffer, channel: Buffer): void => {
    this.#fromSubscriber.note();
    if (this.#ended !== undefined) this.#received(channel.toString(), payload);
  };

  /** Runs commands. Rejects at once after the end, as the library would keep commands and never settle them. */
  async #ask(commands: readonly (() => Promise<unknown>)[]): Promise<void> {
    if (this.#ended === undefined) throw this.#redact(new Error('the uplink has ended'));
    try {
      await Promise.all(commands.map((command) => command()));
    } catch (error) {
      throw this.#redact(error);
    }
  }

  #end(error: unknown): void {
    const ended = this.#ended;
    this.#ended = undefined;
    this.#destroy();
    ended?.(this.#redact(error));
  }

  #destroy(): void {
    this.#publisher.destroy();
    this.#subscriber.destroy();
  }
}

/**
 * Creates an exchange over Redis, with publish and subscribe on two connections (EX1, EX2). Channels are named as in
 * neffos: `<channel>.<name>.` and `<channel>.ask.<token>` (EX13). No error shows credentials (EX17).
 * @throws {TypeError} when an option is wrong.
 * @throws {RangeError} when `channel` has a lone surrogate.
 * @example
 * await server.useStackExchange(redisExchange({ url: 'redis://localhost', channel: 'chat' }));
 */
export const redisExchange = (options: RedisExchangeOptions): StackExchange => {
  const checked = check(options);
  return {
    name: 'redis',
    channelOf: redisNames(checked.channel),
    acceptsBareTokens: checked.asksOlder,
    connect: (listener) => new RedisUplink(checked, listener).open(checked.timeout, listener.lost),
  };
};
