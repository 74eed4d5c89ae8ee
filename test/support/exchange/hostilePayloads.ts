import fc from 'fast-check';
import type { StackExchange } from '../../../src/exchange/exchange.js';
import { isSystemEvent } from '../../../src/index.js';
import { readTag, type SenderTag, writeTag } from '../../../src/protocol/tag.js';
import { readForeignToken } from '../../../src/protocol/token.js';

/** A published payload, and the name of its publisher. */
export interface Publication {
  readonly by: string;
  readonly channel: string;
  readonly payload: Uint8Array;
}

/** Returns the same exchange, which records what is published through it in `log`. */
export const recordPublications = (exchange: StackExchange, by: string, log: Publication[]): StackExchange => ({
  ...exchange,
  connect: async (listener) => {
    const session = await exchange.connect(listener);
    return {
      subscribe: (channels) => session.subscribe(channels),
      unsubscribe: (channels) => session.unsubscribe(channels),
      ping: () => session.ping(),
      close: () => session.close(),
      publish(channel, payload) {
        log.push({ by, channel, payload });
        return session.publish(channel, payload);
      },
    };
  },
});

/** What an attacker with access to the broker knows. */
export interface AttackerKnowledge {
  /** The ids of the servers. */
  readonly nodes: readonly string[];
  /** Tokens of pending asks. */
  readonly tokens: readonly string[];
  readonly ids: readonly string[];
  readonly namespaces: readonly string[];
  readonly rooms: readonly string[];
  /** The prefix of the channels. */
  readonly prefix: string;
}

const utf8 = new TextEncoder();
/** More than the limit of a payload. */
const tooMuch = 2 * 1_048_576;

/** Payloads of an attacker on the broker: valid, broken, and in between. */
export const hostilePayload = ({
  nodes,
  tokens,
  ids,
  namespaces,
  rooms,
  prefix,
}: AttackerKnowledge): fc.Arbitrary<Uint8Array> => {
  const count = fc.oneof(fc.nat(20), fc.constantFrom(0, 999_999_999_999_999, 2 ** 31, 2 ** 32));
  const tag = fc
    .record<SenderTag>({
      node: fc.oneof(fc.constantFrom(...nodes), fc.constant('00000000-0000-4000-8000-000000000000'), fc.uuid()),
      epoch: count,
      number: count,
      isBinary: fc.boolean(),
      isNative: fc.constant(false),
      exceptId: fc.constantFrom('', '', ...ids),
    })
    .map(writeTag);
  const token = fc.oneof(
    fc.constantFrom(...tokens, 'kabc-1f', 'R17953', 'Rx'),
    fc.stringMatching(/^[0-9a-z]{1,12}-[0-9a-z]{1,8}$/),
    fc.nat().map((number) => `R${number}`),
  );
  const marked = fc.tuple(token, fc.nat(4)).map(([text, marks]) => `${text[0]}${'!'.repeat(marks)}${text.slice(1)}`);
  const oddWait = fc.constantFrom(
    ...['$', '$1', '#', '#1', '!', 'M', 'A', 'Aevil', 'neffos(0x', 'neffos(0x4da6a244(ann0xc0))', ' ', '\0', 'é'],
    ...[
      'x!default.',
      `${prefix}.default.`,
      `${prefix[0]}!${prefix.slice(1)}.default.`,
      'k!a.b',
      'k!*',
      'k!>',
      'k!\r\n',
    ],
    ...[`${prefix}.ask.x`, `k!${'a'.repeat(200)}`, '__proto__', `R${'9'.repeat(40)}`],
  );
  const wait = fc.oneof(
    { weight: 2, arbitrary: fc.constant('') },
    { weight: 3, arbitrary: tag },
    { weight: 3, arbitrary: marked },
    { weight: 1, arbitrary: oddWait },
  );
  const namespace = fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom('default', 'default', ...namespaces) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('nowhere', '__proto__', 'constructor', ...ids, 'a@%!semicolon@%!b', '\ud800'),
    },
  );
  const room = fc.oneof(
    { weight: 3, arbitrary: fc.constant('') },
    { weight: 2, arbitrary: fc.constantFrom(...rooms, 'elsewhere', '__proto__', 'x'.repeat(300)) },
  );
  const event = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom('chat', 'q', '_OnAnyEvent', '_OnNativeMessage', 'toString') },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        ...['_OnNamespaceConnect', '_OnNamespaceConnected', '_OnNamespaceDisconnect', '_OnRoomJoin', '_OnRoomJoined'],
        ...['_OnRoomLeave', '_OnRoomLeft', ''],
      ),
    },
  );
  const flag = fc.oneof(
    { weight: 8, arbitrary: fc.constant('0') },
    { weight: 1, arbitrary: fc.constantFrom('1', '', 'x') },
  );
  const body = fc.oneof(
    fc
      .constantFrom('', 'x', ';;;;;;;', 'bad room', '\ufeff', '{"__proto__":{}}', 'x'.repeat(5_000))
      .map((text) => utf8.encode(text)),
    fc.string({ unit: 'binary', maxLength: 20 }).map((text) => utf8.encode(text)),
    fc.uint8Array({ maxLength: 20 }),
  );
  const frame = fc
    .tuple(fc.tuple(wait, namespace, room, event, flag, flag), body)
    .map(([fields, bytes]) => Buffer.concat([utf8.encode(`${fields.join(';')};`), bytes]));
  // A native message whose body names its namespace.
  const native = fc.tuple(fc.constantFrom(...namespaces), fc.uuid(), count).map(([of, node, number]) => {
    const tagged = writeTag({ node, epoch: 1, number, isBinary: false, isNative: true, exceptId: '' });
    return utf8.encode(`${tagged};${of};;_OnNativeMessage;0;0;native ${of}`);
  });
  const cut = fc
    .tuple(frame, fc.nat(60), fc.nat(30), fc.constantFrom('', ';', '!', '\0', '@%!', ';;', '\r\n'))
    .map(([whole, at, size, put]) =>
      Buffer.concat([whole.subarray(0, at), utf8.encode(put), whole.subarray(at + size)]),
    );
  const short = fc.tuple(frame, fc.nat(80)).map(([whole, size]) => whole.subarray(0, size));
  const noText = fc
    .uint8Array({ minLength: 1, maxLength: 4 })
    .map((bytes) => Buffer.concat([utf8.encode(';default;'), Uint8Array.of(0xff), bytes, utf8.encode(';chat;0;0;x')]));
  return fc.oneof(
    { weight: 90, arbitrary: frame },
    { weight: 4, arbitrary: native },
    { weight: 10, arbitrary: cut },
    { weight: 6, arbitrary: short },
    { weight: 4, arbitrary: noText },
    { weight: 6, arbitrary: fc.uint8Array({ maxLength: 60 }) },
    { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }).map((text) => utf8.encode(text)) },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom('M', 'Aevil', 'Hevil', '', ';;;;;', ';;;;;;', ';;;;0;0;')
        .map((text) => utf8.encode(text)),
    },
  );
};

/** Returns a payload above the limit. */
export const hugePayload = (): Uint8Array => {
  const payload = new Uint8Array(tooMuch).fill(0x78);
  payload.set(utf8.encode(';default;;chat;0;0;'));
  return payload;
};

/** A client with its namespaces and rooms. */
export interface PlacedClient {
  readonly id: string;
  readonly namespaces: readonly string[];
  readonly rooms: readonly string[];
}

/** What a channel that a server hears is for. */
export type Place = { readonly kind: 'namespace' | 'connection'; readonly name: string } | { readonly kind: 'answers' };

interface FrameFields {
  readonly wait: string;
  readonly namespace: string;
  readonly room: string;
  readonly event: string;
  readonly isError: boolean;
  readonly isNoOp: boolean;
  readonly hasBody: boolean;
}

const fieldsOf = (payload: Uint8Array): FrameFields | undefined => {
  let at = -1;
  for (let fields = 0; fields < 6; fields++) {
    at = payload.indexOf(0x3b, at + 1);
    if (at === -1) return undefined;
  }
  const head = Buffer.from(payload.subarray(0, at));
  // Invalid UTF-8 does not survive the round trip.
  if (!Buffer.from(head.toString()).equals(head)) return undefined;
  const [wait = '', ...rest] = head.toString().split(';');
  const [namespace = '', room = '', event = ''] = rest.map((field) => field.replaceAll('@%!semicolon@%!', ';'));
  const [isError, isNoOp] = rest.slice(3).map((field) => field === '1');
  return {
    wait,
    namespace,
    room,
    event,
    isError: isError === true,
    isNoOp: isNoOp === true,
    hasBody: payload.length > at + 1,
  };
};

/** What one server has to do with each payload: the rules restated without the server. */
export class ExpectedDeliveries {
  broken = 0;
  missing = 0;
  late = 0;
  unasked = 0;
  received = 0;
  /** How many frames of other servers each client should receive. */
  readonly due = new Map<string, number>();
  /** Pending asks of other servers, and whether each token carries a marker. */
  readonly open = new Map<string, boolean>();
  readonly #last = new Map<string, { readonly epoch: number; readonly number: number }>();

  constructor(
    private readonly node: string,
    /** How this server's own tokens end. */
    private readonly ending: string,
    private readonly places: ReadonlyMap<string, Place>,
    private readonly members: readonly PlacedClient[],
    private readonly namespaces: readonly string[],
  ) {}

  take({ channel, payload }: Publication): void {
    const place = this.places.get(channel);
    if (!place) return;
    this.received++;
    const parts = payload.length > 1_048_576 ? undefined : fieldsOf(payload);
    if (!parts) this.broken++;
    else if (place.kind !== 'answers') this.#receive(channel, place.kind, place.name, parts);
  }

  #receive(channel: string, kind: 'namespace' | 'connection', name: string, parts: FrameFields): void {
    const { wait, namespace, event, isNoOp, isError, hasBody } = parts;
    const isTagged = wait.startsWith('neffos(0x');
    const tag = isTagged ? readTag(wait) : undefined;
    const foreign = wait === '' || isTagged ? undefined : readForeignToken(wait);
    if (tag?.node === this.node || foreign?.token.endsWith(this.ending)) return;
    if (tag && this.#isLate(`${channel} ${tag.node}`, tag)) return;
    const isInPlace = kind === 'connection' || name === namespace;
    const isMessage = event !== '' && !isSystemEvent(event) && !isNoOp;
    const isAsk = foreign !== undefined && !(isError && hasBody);
    if (!isInPlace || !isMessage || !this.namespaces.includes(namespace) || !(wait === '' || isTagged || isAsk)) {
      this.broken++;
      return;
    }
    const placed = this.members.filter(
      ({ id, namespaces, rooms }) =>
        namespaces.includes(namespace) &&
        (parts.room === '' || rooms.includes(`${namespace}/${parts.room}`)) &&
        (kind === 'namespace' || id === name) &&
        (!tag?.exceptId || id !== tag.exceptId),
    );
    if (!foreign) this.#deliver(placed);
    else if (placed.length > 0 && !this.open.has(foreign.token)) {
      if (this.open.size >= 1_000) {
        this.unasked++;
        return;
      }
      this.open.set(foreign.token, foreign.isMarked);
      this.#deliver(placed);
    }
  }

  #deliver(placed: readonly PlacedClient[]): void {
    for (const { id } of placed) this.due.set(id, (this.due.get(id) ?? 0) + 1);
  }

  #isLate(of: string, { epoch, number }: SenderTag): boolean {
    const last = this.#last.get(of);
    const step = last?.epoch === epoch ? number - last.number : 1;
    if (step <= 0) {
      this.late++;
      return true;
    }
    this.#last.set(of, { epoch, number });
    this.missing += Math.max(0, step - 1);
    return false;
  }
}

/** Returns why a frame of another server must not reach this client, or undefined. */
export const faultOf = (
  frame: string | Uint8Array,
  { namespaces, rooms }: PlacedClient,
  open: ReadonlyMap<string, boolean>,
) => {
  const text = typeof frame === 'string' ? frame : Buffer.from(frame).toString();
  if (text.startsWith('native '))
    return namespaces.includes(text.slice(7)) ? undefined : 'a native message of another namespace';
  const parts = fieldsOf(Buffer.from(frame));
  if (!parts) return 'not a frame';
  const { wait, namespace, room, event, isNoOp } = parts;
  if (wait !== '' && !open.has(wait)) return 'an unknown token';
  if (!namespaces.includes(namespace)) return 'a namespace that it is not in';
  if (room !== '' && !rooms.includes(`${namespace}/${room}`)) return 'a room that it is not in';
  return event === '' || isSystemEvent(event) || isNoOp ? 'no event' : undefined;
};
