import { describe, expect, test } from 'vitest';
import {
  AskTimeout,
  CloseError,
  closeReasons,
  ErrBadNamespace,
  ErrBadRoom,
  ErrInvalidPayload,
  ErrNoAudience,
  ErrWrite,
  errorFromText,
  errorText,
  HandlerTimeout,
  Reply,
  registerKnownError,
  reply,
} from '../../src/protocol/errors.js';

describe('known errors', () => {
  test.each([
    ['bad namespace', ErrBadNamespace],
    ['bad room', ErrBadRoom],
    ['write closed', ErrWrite],
    ['invalid payload', ErrInvalidPayload],
  ])('[AK3] the text %j is the shared error', (text, error) => {
    expect(errorFromText(text)).toBe(error);
  });

  test('[AK3] a test of the program that fails on a text has not recognised it', () => {
    const picky = new Error('picky');
    registerKnownError(picky, (text) => JSON.parse(text).picky === true);
    expect(errorFromText('{"picky":true}')).toBe(picky);
    expect(errorFromText('no JSON').message).toBe('no JSON');
  });

  test('[AK3] any other text is a new error with it', () => {
    const error = errorFromText('Bad Room');
    expect(error).toBeInstanceOf(Error);
    expect(error.message).toBe('Bad Room');
    expect(errorFromText('Bad Room')).not.toBe(error);
  });

  test('[AK5] a peer never sends the text of ErrNoAudience', () => {
    expect(errorFromText(ErrNoAudience.message)).not.toBe(ErrNoAudience);
  });

  test('[AK3] a program makes errors known, by their text or by a rule', () => {
    const busy = new Error('the test is busy');
    const coded = new Error('coded');
    registerKnownError(busy);
    registerKnownError(coded, (text) => text.startsWith('code 17:'));
    expect(errorFromText('the test is busy')).toBe(busy);
    expect(errorFromText('code 17: whatever')).toBe(coded);
    expect(errorFromText('coded')).not.toBe(coded);
  });

  test('[LM2] only an error can be made known', () => {
    expect(() => Reflect.apply(registerKnownError, undefined, ['text'])).toThrow(
      new TypeError('registerKnownError takes an Error, got text'),
    );
  });
});

describe('a long text of a peer', () => {
  test('[FR8] is kept as far as 1 024 characters', () => {
    expect(errorFromText('x'.repeat(1_024)).message).toHaveLength(1_024);
    expect(errorFromText('x'.repeat(65_536)).message).toHaveLength(1_024);
  });

  test('[FR8] a text reaches a matcher up to 1 024 characters', () => {
    const seen: number[] = [];
    registerKnownError(new Error('long'), (text) => {
      seen.push(text.length);
      return false;
    });
    errorFromText('y'.repeat(5_000));
    expect(seen).toEqual([1_024]);
  });
});

describe('texts', () => {
  test.each<[unknown, string]>([
    [new Error('no way'), 'no way'],
    [new Error(''), 'Error'],
    [new RangeError(''), 'RangeError'],
    [Object.assign(new Error(''), { name: '' }), 'Error'],
    ['a string', 'a string'],
    ['', 'Error'],
    [undefined, 'undefined'],
    [null, 'null'],
    [0, '0'],
    [Symbol('mark'), 'Symbol(mark)'],
    [new CloseError(4000, 'go away'), 'go away'],
  ])('[FR4] the text for %o is %j', (thrown, text) => {
    expect(errorText(thrown)).toBe(text);
  });

  test('[FR2] a thrown value without a string form has a text as well', () => {
    const mute = {
      toString(): string {
        throw new Error('mute');
      },
    };
    for (const thrown of [Object.create(null), mute, Object.assign(new Error(), { message: Symbol('m') })]) {
      expect(typeof errorText(thrown)).toBe('string');
      expect(errorText(thrown)).not.toBe('');
    }
  });

  test('[AK4] [SV4] a timeout names its duration', () => {
    expect(new AskTimeout(50)).toMatchObject({ name: 'AskTimeout', timeout: 50, message: 'not answered within 50 ms' });
    expect(new HandlerTimeout(7)).toMatchObject({
      name: 'HandlerTimeout',
      timeout: 7,
      message: 'did not settle within 7 ms',
    });
  });
});

describe('answers', () => {
  test('[AK8] reply(body) carries the body, and an empty one by default', () => {
    expect(reply('pong')).toEqual(new Reply('pong'));
    expect(reply().body).toBe('');
    const bytes = Uint8Array.of(1);
    expect(reply(bytes).body).toBe(bytes);
  });
});

describe('close reasons', () => {
  test.each([
    ['draining', 1001],
    ['refused', 1008],
    ['ackTimeout', 1008],
    ['connectTimeout', 1008],
    ['earlyFrames', 1008],
    ['floodedInbox', 1008],
    ['failed', 1011],
    ['busy', 1013],
  ] as const)('[SV6] %s has the code %i', (name, code) => {
    expect(closeReasons[name].code).toBe(code);
  });

  test('[BP2] an evicted client gets the reason', () => {
    expect(closeReasons.slowConsumer.text).toBe('slow consumer');
  });

  test('[SV6] every reason has a valid code, a text that fits, and a flag for reconnecting', () => {
    for (const [name, { code, text, retry }] of Object.entries(closeReasons)) {
      expect(Buffer.byteLength(text), name).toBeLessThanOrEqual(123);
      expect((code >= 1000 && code <= 1014) || code === 4401, name).toBe(true);
      expect(retry, name).toBe(code !== 1008 || text.endsWith(' in time'));
    }
  });
});
