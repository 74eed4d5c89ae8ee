import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import {
  accepted,
  acknowledge,
  decode,
  encode,
  encodeAnswer,
  encodeEmptyReply,
  encodeErrorReply,
  encodeReply,
  errorFrom,
  type Frame,
  messageFrom,
  type NativeMode,
  refused,
  withTextBody,
} from '../../src/protocol/codec.js';
import { ErrBadNamespace, ErrBadRoom } from '../../src/protocol/errors.js';
import { type Body, OnNamespaceConnect, OnNamespaceDisconnect, OnNativeMessage } from '../../src/protocol/message.js';

const modes: readonly NativeMode[] = ['none', 'mixed', 'only'];
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (body: Body): string => (typeof body === 'string' ? body : Buffer.from(body).toString());
/** What UTF-8 makes of a string: it has no lone surrogates. */
const wellFormed = (text: string): string => textOf(bytesOf(text));

/** The frame that these bytes are, or the test is over. */
const framed = (payload: Body, mode: NativeMode = 'none'): Frame => {
  const frame = decode(payload, mode);
  if (!frame) throw new Error(`no frame: ${textOf(payload)}`);
  return frame;
};

const plain: Frame = {
  wait: '',
  namespace: '',
  room: '',
  event: '',
  isError: false,
  isNoOp: false,
  body: '',
  isBinary: false,
  isNative: false,
};

const loneSurrogates = fc.string({ unit: fc.constantFrom('\ud800', '\udfff', 'a', ';', '\ufeff') });
const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), loneSurrogates);
/** Fields that are escaped; the escape itself is no name, on this side or on any other. */
const name = anyText.filter((text) => !text.includes('@%!'));
const nameWithSemicolons = fc.oneof(
  name,
  fc.array(name).map((parts) => parts.join(';')),
);
const wait = fc.oneof(fc.constant(''), anyText).map((text) => text.replaceAll(';', ''));

describe('fields', () => {
  test.each<[string, Partial<Frame>]>([
    [
      '0;default;room1;_OnNamespaceConnect;0;0;',
      { wait: '0', namespace: 'default', room: 'room1', event: OnNamespaceConnect },
    ],
    [';default;;_OnNamespaceConnect;0;0;some id', { namespace: 'default', event: OnNamespaceConnect, body: 'some id' }],
    [';default;;_OnNamespaceDisconnect;0;0;', { namespace: 'default', event: OnNamespaceDisconnect }],
    [';default;;chat;0;0;text', { namespace: 'default', event: 'chat', body: 'text' }],
    [';default;;chat;1;0;error message', { namespace: 'default', event: 'chat', isError: true, body: 'error message' }],
    [
      ';default;;chat;0;0;body; with; semicolons;',
      { namespace: 'default', event: 'chat', body: 'body; with; semicolons;' },
    ],
    [';;;chat;1;0;an error; with semicolons', { event: 'chat', isError: true, body: 'an error; with semicolons' }],
    ['1;default;;chat;0;1;body', { wait: '1', namespace: 'default', event: 'chat', isNoOp: true, body: 'body' }],
    ['$1600;;;;;;', { wait: '$1600' }],
    [';;;;;;', {}],
    [';default;;a@%!semicolon@%!b;0;0;x;y', { namespace: 'default', event: 'a;b', body: 'x;y' }],
    ['a@%!semicolon@%!b;;;e;0;0;', { wait: 'a@%!semicolon@%!b', event: 'e' }],
    [';n;;e;0;0;a@%!semicolon@%!b', { namespace: 'n', event: 'e', body: 'a@%!semicolon@%!b' }],
    [';n;;e;yes;true;', { namespace: 'n', event: 'e' }],
  ])('[FR1] #1 %j has seven fields', (payload, fields) => {
    expect(decode(payload)).toEqual({ ...plain, ...fields });
  });

  test.each(['', 'M', 'garbage', 'default;chat;', 'a;b;c;d;0;0', ';;;;;', 'Aforged', 'Hforged'])(
    '[FR1] #2 %j has too few, and is no frame',
    (payload) => {
      expect(decode(payload)).toBeUndefined();
      expect(decode(bytesOf(payload))).toBeUndefined();
    },
  );

  test('[FR1] #2 an invalid frame is a native message where one is handled', () => {
    const body = 'this is a native/raw websocket message';
    const expected = { ...plain, event: OnNativeMessage, isNative: true, body };
    expect(decode(body, 'mixed')).toEqual(expected);
    expect(decode('a;b;c;d;0;0', 'mixed')).toEqual({ ...expected, body: 'a;b;c;d;0;0' });
    expect(decode(bytesOf(body), 'mixed')).toEqual({ ...expected, body: bytesOf(body), isBinary: true });
  });

  test('[FR1] #2 where native messages are handled beside others, a frame is a frame', () => {
    expect(decode(';;;event;0;0;a;b', 'mixed')).toEqual({ ...plain, event: 'event', body: 'a;b' });
  });

  test('[FR1] [HS10] #2 where only native messages are handled, everything is one', () => {
    for (const body of ['M', ';;;event;0;0;a;b', 'x;y;z;;;;;;;', '']) {
      expect(decode(body, 'only')).toEqual({ ...plain, event: OnNativeMessage, isNative: true, body });
    }
  });

  test('[FR1] any number of separators behind the sixth belongs to the body', () => {
    const many = ';'.repeat(2_000_000);
    expect(framed(many).body).toHaveLength(2_000_000 - 6);
    expect(framed(bytesOf(many)).body).toHaveLength(2_000_000 - 6);
    expect(framed(`;n;;e;0;0;${many}`)).toEqual({ ...plain, namespace: 'n', event: 'e', body: many });
  });

  test('[FR1] #3 a name of nothing but escapes is a name of as many semicolons', () => {
    const frame = framed(`;${'@%!semicolon@%!'.repeat(50_000)};;e;0;0;`);
    expect(frame.namespace).toBe(';'.repeat(50_000));
  });
});

describe('text and bytes', () => {
  test('[FR3] a string is sent as text, bytes are sent as binary', () => {
    expect(encode({ namespace: 'default', event: 'chat', body: 'hi' })).toBe(';default;;chat;0;0;hi');
    const bytes = Uint8Array.of(0x01, 0xff, 0x3b, 0x02);
    expect(encode({ namespace: 'default', event: 'echo', body: bytes }, '$11')).toEqual(
      Uint8Array.of(...bytesOf('$11;default;;echo;0;0;'), ...bytes),
    );
  });

  test('[FR3] setBinary makes a string binary', () => {
    expect(encode({ namespace: 'n', event: 'e', body: 'grün', setBinary: true })).toEqual(bytesOf(';n;;e;0;0;grün'));
    expect(encode({ isNative: true, body: 'grün', setBinary: true })).toEqual(bytesOf('grün'));
  });

  test('[FR3] #3 semicolons in namespace, room and event are escaped, those of wait and body are not', () => {
    const message = { namespace: 'contains;semi', room: ';this;for sure;', event: 'a;b', body: 'x;y' };
    const payload = encode(message, '$1');
    expect(payload).toBe(
      '$1;contains@%!semicolon@%!semi;@%!semicolon@%!this@%!semicolon@%!for sure@%!semicolon@%!;a@%!semicolon@%!b;0;0;x;y',
    );
    expect(framed(payload)).toEqual({ ...plain, ...message, wait: '$1' });
  });

  test('[FR3] missing fields are empty', () => {
    expect(encode({ event: 'e' })).toBe(';;;e;0;0;');
  });

  test('[FR3] a native message is sent unchanged; an ask never is', () => {
    expect(encode({ isNative: true, body: 'raw; it is' })).toBe('raw; it is');
    expect(encode({ isNative: true, event: OnNativeMessage, body: 'x' }, '$1')).toBe('$1;;;_OnNativeMessage;0;0;x');
  });

  given.prop([nameWithSemicolons, nameWithSemicolons, nameWithSemicolons, wait, anyText])(
    '[FR2] [FR3] text survives encoding and decoding',
    (namespace, room, event, token, body) => {
      const payload = encode({ namespace, room, event, body }, token);
      expect(typeof payload).toBe('string');
      expect(decode(payload)).toEqual({ ...plain, wait: token, namespace, room, event, body });
    },
  );

  given.prop([nameWithSemicolons, nameWithSemicolons, nameWithSemicolons, wait, fc.uint8Array()])(
    '[FR2] [FR3] binary survives encoding and decoding, apart from invalid UTF-8',
    (namespace, room, event, token, body) => {
      expect(decode(encode({ namespace, room, event, body }, token))).toEqual({
        ...plain,
        wait: wellFormed(token),
        namespace: wellFormed(namespace),
        room: wellFormed(room),
        event: wellFormed(event),
        body,
        isBinary: true,
      });
    },
  );

  given.prop([nameWithSemicolons, anyText])('[FR3] setBinary changes the kind and nothing else', (event, body) => {
    const payload = encode({ event, body, setBinary: true });
    expect(payload).toBeInstanceOf(Uint8Array);
    expect(textOf(payload)).toBe(wellFormed(textOf(encode({ event, body }))));
  });

  given.prop([anyText, fc.uint8Array()])('[FR2] a native message comes back as it went', (text, bytes) => {
    for (const body of [text, bytes]) {
      const native = { ...plain, event: OnNativeMessage, isNative: true, body, isBinary: typeof body !== 'string' };
      expect(decode(encode({ isNative: true, body }), 'only')).toEqual(native);
    }
  });
});

describe('total', () => {
  const payload = fc.oneof(
    anyText,
    fc.uint8Array({ maxLength: 64 }),
    fc.array(fc.oneof(anyText, fc.constant('@%!semicolon@%!'))).map((parts) => parts.join(';')),
    fc.array(fc.uint8Array()).map((parts) => Uint8Array.from(parts.flatMap((part) => [...part, 0x3b]))),
  );

  given.prop([payload], { numRuns: 1_000 })('[FR2] nothing that comes in makes decoding throw', (data) => {
    for (const mode of modes) {
      const frame = decode(data, mode);
      if (!frame) continue;
      expect(frame.isBinary).toBe(typeof data !== 'string');
      expect(frame.wait).not.toContain(';');
      expect(() => [
        messageFrom(frame),
        errorFrom(frame),
        encodeReply(frame, ''),
        encodeErrorReply(frame, ''),
      ]).not.toThrow();
    }
  });

  given.prop([anyText], { numRuns: 300 })('[FR1] text is a frame exactly when it has six semicolons', (text) => {
    const isFrame = text.split(';').length > 6;
    expect(decode(text) !== undefined).toBe(isFrame);
    expect(decode(text, 'mixed')?.isNative).toBe(!isFrame);
    expect(decode(text, 'only')?.isNative).toBe(true);
  });

  test.each([
    ['a stray continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a character cut short', [0xe2, 0x82]],
  ])('[FR2] a binary frame whose header holds %s is invalid', (_, broken) => {
    const payload = Uint8Array.of(...bytesOf(';n'), ...broken, ...bytesOf(';;e;0;0;body'));
    expect(decode(payload)).toBeUndefined();
    expect(decode(payload, 'mixed')).toBeUndefined();
    expect(decode(payload, 'only')?.body).toEqual(payload);
  });

  test('[FR2] the body of a binary frame may be anything', () => {
    expect(framed(Uint8Array.of(...bytesOf(';n;;e;0;0;'), 0xff, 0x80, 0x3b)).body).toEqual(
      Uint8Array.of(0xff, 0x80, 0x3b),
    );
  });

  test('[FR2] a byte order mark is a character like any other', () => {
    expect(framed(bytesOf('\ufeff;n;;e;0;0;')).wait).toBe('\ufeff');
  });

  test('[FR2] a string with half a character is sent by either encoder', () => {
    const half = '\ud83d';
    expect(encode({ namespace: half, event: half, body: half, setBinary: true })).toEqual(
      bytesOf(';\ufffd;;\ufffd;0;0;\ufffd'),
    );
  });
});

describe('errors', () => {
  test('[FR4] an error frame without a text is no error', () => {
    expect(errorFrom(framed(';n;;e;1;0;'))).toBeUndefined();
    expect(errorFrom(framed(bytesOf(';n;;e;1;0;')))).toBeUndefined();
    expect(messageFrom(framed(';n;;e;1;0;')).err).toBeUndefined();
  });

  test('[FR4] a frame without the error flag has no error, for any body', () => {
    expect(errorFrom(framed(';n;;e;0;0;bad room'))).toBeUndefined();
  });

  test.each<[unknown, string]>([
    [new Error(''), 'Error'],
    [new TypeError(''), 'TypeError'],
    ['', 'Error'],
    [undefined, 'undefined'],
    [new Error('boom; with semicolon'), 'boom; with semicolon'],
  ])('[FR4] %o is never sent without a text', (thrown, text) => {
    expect(encodeErrorReply(framed('$7;default;;boom;0;0;'), thrown)).toBe(`$7;default;;boom;1;0;${text}`);
  });

  test('[FR4] [FR5] an error that is sent as a message has its text for a body', () => {
    const message = { namespace: 'n', room: 'r', event: 'e', body: 'unseen', setBinary: true };
    expect(encode({ ...message, err: new Error('no; way') })).toBe(';n;r;e;1;0;no; way');
    expect(encode({ ...message, err: new Error('') })).toBe(';n;r;e;1;0;Error');
  });

  test('[AK3] a known text is the shared error value', () => {
    expect(errorFrom(framed('W;default;;question;1;0;bad room'))).toBe(ErrBadRoom);
    expect(errorFrom(framed(bytesOf('W;default;;question;1;0;bad namespace')))).toBe(ErrBadNamespace);
    expect(messageFrom(framed(';default;;e;1;0;bad room')).err).toBe(ErrBadRoom);
    expect(errorFrom(framed('W;default;;q;1;0;client refuses'))?.message).toBe('client refuses');
  });
});

describe('answers', () => {
  test('[HS2] [HS7] the handshake', () => {
    expect([acknowledge, accepted('joe'), refused('not allowed; sorry')]).toEqual(['M', 'Ajoe', 'Hnot allowed; sorry']);
  });

  test('[NS1] [RM1] an empty reply is the token and six separators', () => {
    expect(encodeEmptyReply('$1600')).toBe('$1600;;;;;;');
  });

  test.each([
    ['$5;default;;ping;0;0;', 'pong', '$5;default;;ping;0;0;pong'],
    [';default;;ping;0;0;', 'pong', ';default;;ping;0;0;pong'],
    ['$6;default;;empty;0;0;', '', '$6;default;;empty;0;0;'],
    ['$10;default;;echo;0;0;a;b;c', 'a;b;c', '$10;default;;echo;0;0;a;b;c'],
    ['$23;default;r1;echo;0;0;joined', 'joined', '$23;default;r1;echo;0;0;joined'],
    [
      '$1;d@%!semicolon@%!;r@%!semicolon@%!;e@%!semicolon@%!;0;0;',
      'x',
      '$1;d@%!semicolon@%!;r@%!semicolon@%!;e@%!semicolon@%!;0;0;x',
    ],
  ])('[FR5] the reply to %j with %j has its header', (asked, body, replied) => {
    expect(encodeReply(framed(asked), body)).toBe(replied);
  });

  test('[FR5] a reply is binary if its ask was, or its own body is', () => {
    const asked = framed(bytesOf('$11;default;;echo;0;0;x'));
    expect(encodeReply(asked, 'text')).toEqual(bytesOf('$11;default;;echo;0;0;text'));
    expect(encodeReply(asked, Uint8Array.of(0xff))).toEqual(Uint8Array.of(...bytesOf('$11;default;;echo;0;0;'), 0xff));
    expect(encodeReply(framed('$1;d;;e;0;0;'), bytesOf('b'))).toEqual(bytesOf('$1;d;;e;0;0;b'));
  });

  test('[FR5] an error is text even if its ask was binary', () => {
    const asked = framed(bytesOf('$12;default;;boom;0;0;'));
    expect(encodeErrorReply(asked, new Error('boom; with semicolon'))).toBe(
      '$12;default;;boom;1;0;boom; with semicolon',
    );
  });

  test('[FR5] the reply to a native message is native', () => {
    expect(encodeReply(framed('raw', 'mixed'), 're:raw')).toBe('re:raw');
    expect(encodeReply(framed(bytesOf('raw'), 'only'), 're:raw')).toEqual(bytesOf('re:raw'));
  });
});

describe('messages', () => {
  test.each([0, 1, 4_095])('[FR7] a binary body of %i bytes is a copy', (length) => {
    const head = bytesOf(';n;;e;0;0;');
    const buffer = new Uint8Array(head.length + length).fill(7);
    buffer.set(head);
    const { body } = framed(buffer);
    if (typeof body === 'string') throw new Error('a binary body was due');
    buffer.fill(9);
    expect(body).toEqual(new Uint8Array(length).fill(7));
    expect(body.buffer).not.toBe(buffer.buffer);
    expect(body.buffer.byteLength).toBe(length);
  });

  test('[FR7] a native binary message is a copy as well', () => {
    const buffer = Uint8Array.of(1, 2, 3);
    const frames = [framed(buffer, 'mixed'), framed(buffer, 'only')];
    buffer.fill(9);
    for (const { body } of frames) expect(body).toEqual(Uint8Array.of(1, 2, 3));
  });

  test("[FR7] a body is a plain Uint8Array for any type and size of the socket's data", () => {
    for (const length of [3, 100_000]) {
      const { body } = framed(Buffer.concat([Buffer.from(';n;;e;0;0;'), Buffer.alloc(length, 7)]));
      expect(body).toEqual(new Uint8Array(length).fill(7));
      expect(Object.getPrototypeOf(body)).toBe(Uint8Array.prototype);
    }
  });

  test('[BC9] a message has neither the wait token nor a sender tag of its frame', () => {
    for (const token of ['$40', 'neffos(0x1(2))']) {
      const message = messageFrom(framed(`${token};default;;all;0;0;hello`));
      expect(encode(message)).toBe(';default;;all;0;0;hello');
      expect(JSON.stringify(message)).not.toContain(token);
    }
  });

  given.prop([nameWithSemicolons, nameWithSemicolons, nameWithSemicolons, fc.oneof(anyText, fc.uint8Array())])(
    '[BC9] [FR7] a received message that is sent again is the same frame again',
    (namespace, room, event, body) => {
      const payload = encode({ namespace, room, event, body });
      expect(encode(messageFrom(framed(payload)))).toEqual(payload);
    },
  );
});

describe('between servers', () => {
  const node = '4da6a244-42fb-4ea8-b6de-8e2b7cb3d5b2';
  const tagged = `neffos(0x${node}(0.0.b.))`;

  test.each<[string, string]>([
    ['kabc-n;default;;q;0;0;fine', ';default;;q;0;0;fine'],
    ['kabc-n;default;;q;1;0;no; thanks', ';default;;q;1;0;no; thanks'],
    ['kabc-n;;;;;;', ';;;;0;0;'],
    ['kabc-n;a@%!semicolon@%!b;r;q;0;1;x', ';a@%!semicolon@%!b;r;q;0;0;x'],
  ])('[EX7] [EX8] the answer %s is handed on as %s, without its token', (answer, payload) => {
    expect(encodeAnswer(framed(answer), '')).toBe(payload);
    expect(encodeAnswer(framed(bytesOf(answer)), tagged)).toEqual(bytesOf(tagged + payload));
  });

  test('[EX6] bytes of an answer are kept as bytes', () => {
    const answer = framed(Uint8Array.of(...bytesOf('k;d;;q;0;0;'), 0xff, 0x3b, 0x00));
    expect(encodeAnswer(answer, '')).toEqual(Uint8Array.of(...bytesOf(';d;;q;0;0;'), 0xff, 0x3b, 0x00));
  });

  given.prop([wait, nameWithSemicolons, nameWithSemicolons, nameWithSemicolons, fc.boolean(), anyText])(
    '[EX8] whatever a client answers with, its fields stay fields',
    (token, namespace, room, event, isError, body) => {
      const frame = { ...plain, wait: token, namespace, room, event, isError, body };
      expect(framed(encodeAnswer(frame, ''))).toEqual({ ...frame, wait: '' });
      expect(framed(encodeAnswer(frame, tagged))).toEqual({ ...frame, wait: tagged });
    },
  );

  test.each(['', 'text', 'é😀', '\ufeffwith a mark', '\0'])(
    '[EX6] bytes that are the text %j become that text',
    (text) => {
      const frame = framed(bytesOf(`;d;;e;0;0;${text}`));
      expect(withTextBody(frame)).toEqual({ ...plain, namespace: 'd', event: 'e', body: text });
    },
  );

  test.each([[0xff], [0xc3], [0xed, 0xa0, 0x80], [0x61, 0x80]])(
    '[EX6] bytes of invalid UTF-8 are kept as bytes: %j',
    (...body) => {
      const frame = { ...plain, body: Uint8Array.from(body), isBinary: true };
      expect(withTextBody(frame)).toBe(frame);
    },
  );

  test('[EX6] text is kept as text', () => {
    const frame = framed(';d;;e;0;0;x');
    expect(withTextBody(frame)).toBe(frame);
  });

  given.prop([fc.uint8Array()])('[EX6] no byte is lost or changed', (body) => {
    const taken = withTextBody({ ...plain, body, isBinary: true });
    expect(typeof taken.body === 'string' ? bytesOf(taken.body) : taken.body).toEqual(body);
    expect(taken.isBinary).toBe(typeof taken.body !== 'string');
  });
});
