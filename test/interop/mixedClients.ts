import * as neffos from 'neffos.js';
import { OnNativeMessage } from '../../src/index.js';
import { ReceiveQueue } from '../support/async/receiveQueue.js';
import { GoPeer } from '../support/peers/goPeer.js';
import { RawClient, type RawFrame } from '../support/peers/rawClient.js';
import { describeMessage } from '../support/server/testServer.js';

type ClientKind = 'js' | 'go' | 'raw';

/** A client of whatever kind, at one of the nodes. */
export interface MixedClient {
  readonly kind: ClientKind;
  readonly id: string;
  enter(namespace: string, rooms: readonly string[]): Promise<void>;
  /** Returns its next call of a handler, in a line that is the same for every kind. */
  next(): Promise<string>;
  /** Whether it has received this, read or not. */
  has(line: string): boolean;
  end(): void;
}

/** What they refuse to answer with: a text that all neffos programs know, and one of their own. */
export const knownError = 'bad room';
export const ownError = 'no; not here';

const events = ['chat', 'se;p', 'pick', 'fence', 'probe'] as const;
const quiet = Object.fromEntries(events.map((event) => [event, '']));

const own = { isForced: false, isLocal: false };
const nameOf = (field = ''): string => field.replaceAll('@%!semicolon@%!', ';');

/** A frame in the line that a handler would write down for it; its wait is left out. */
const lineOfFrame = (frame: RawFrame): string => {
  const fields = (typeof frame === 'string' ? frame : frame.toString('latin1')).split(';');
  if (fields.length < 7)
    return describeMessage({ namespace: '', room: '', event: OnNativeMessage, body: frame, ...own });
  const [, namespace, room, event, isError] = fields;
  const rest = fields.slice(6).join(';');
  const text = isError === '1' ? `! ${rest}` : rest;
  const body = typeof frame === 'string' ? text : Buffer.from(text, 'latin1');
  return describeMessage({ namespace: nameOf(namespace), room: nameOf(room), event: nameOf(event), body, ...own });
};

export class RawMixedClient implements MixedClient {
  readonly kind = 'raw';

  private constructor(
    readonly id: string,
    readonly client: RawClient,
  ) {}

  static async dial(id: string, url: string, isNativeOnly = false): Promise<RawMixedClient> {
    const client = new RawMixedClient(id, await RawClient.dial(url));
    if (!isNativeOnly) await client.client.acknowledge();
    return client;
  }

  async enter(namespace: string, rooms: readonly string[]): Promise<void> {
    await this.client.connect(namespace);
    for (const room of rooms) await this.client.join(namespace, room.replaceAll(';', '@%!semicolon@%!'));
  }

  async next(): Promise<string> {
    return lineOfFrame(await this.client.next());
  }

  has(line: string): boolean {
    return this.client.frames.all.some((frame) => lineOfFrame(frame) === line);
  }

  end(): void {
    this.client.terminate();
  }
}

export class GoMixedClient implements MixedClient {
  readonly kind = 'go';

  private constructor(
    readonly id: string,
    private readonly peer: GoPeer,
  ) {}

  static async dial(id: string, url: string, path: string, isNativeOnly = false): Promise<GoMixedClient> {
    const client = new GoMixedClient(id, new GoPeer(path));
    const native = { '': { [OnNativeMessage]: '' } };
    const answering = { q: `reply:${id}`, echo: 'reply', no: `error:${knownError}`, odd: `error:${ownError}` };
    const all = { default: { ...quiet, ...answering }, bytes: quiet, '': { ...quiet, [OnNativeMessage]: '' } };
    await client.peer.do('dial', { url, handlers: isNativeOnly ? native : all });
    return client;
  }

  async enter(namespace: string, rooms: readonly string[]): Promise<void> {
    await this.peer.do('connect', { namespace });
    for (const room of rooms) await this.peer.do('join', { namespace, room });
  }

  next(): Promise<string> {
    return this.peer.log.next();
  }

  has(line: string): boolean {
    return this.peer.log.all.includes(line);
  }

  end(): void {
    this.peer.end();
  }
}

type Handler = (ns: neffos.NSConn, message: neffos.Message) => Error | undefined | void;

const bodyOf = ({ Body, Err }: neffos.Message): string | Uint8Array => {
  if (Err) return `! ${Err.message}`;
  // The client's types know text only.
  const body: unknown = Body;
  return body instanceof ArrayBuffer || body instanceof Uint8Array ? new Uint8Array(body) : String(body ?? '');
};

/** An unmodified neffos.js. */
export class NeffosMixedClient implements MixedClient {
  readonly kind = 'js';
  readonly #log: ReceiveQueue<string>;

  private constructor(
    readonly id: string,
    private readonly conn: neffos.Conn,
    log: ReceiveQueue<string>,
  ) {
    this.#log = log;
  }

  static async dial(id: string, url: string): Promise<NeffosMixedClient> {
    const log = new ReceiveQueue<string>(`neffos.js "${id}"`);
    const written =
      (handler?: Handler): Handler =>
      (ns, message) => {
        const { Namespace, Room, Event, IsForced = false, IsLocal = false } = message;
        const place = { namespace: Namespace, room: Room ?? '', event: Event };
        log.push(describeMessage({ ...place, body: bodyOf(message), isForced: IsForced, isLocal: IsLocal }));
        return handler?.(ns, message);
      };
    const any = { [neffos.OnAnyEvent]: written() };
    const answering = {
      q: written(() => neffos.reply(id)),
      no: written(() => new Error(knownError)),
      odd: written(() => new Error(ownError)),
    };
    const all = { default: { ...any, ...answering }, bytes: any, '': { ...any, [OnNativeMessage]: written() } };
    // On Node this client needs one event per turn, as browsers give it.
    return new NeffosMixedClient(id, await neffos.dial(url, all, { allowSynchronousEvents: false }), log);
  }

  async enter(namespace: string, rooms: readonly string[]): Promise<void> {
    const ns = await this.conn.connect(namespace);
    for (const room of rooms) await ns.joinRoom(room);
  }

  next(): Promise<string> {
    return this.#log.next();
  }

  has(line: string): boolean {
    return this.#log.all.includes(line);
  }

  end(): void {
    this.conn.close();
  }
}
