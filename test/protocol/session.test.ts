import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromClient, fromServer, readFromClient, readFromServer } from '../../src/protocol/session.js';

/** The fields of a frame, by its definition: the verb is the fourth, the body is all after the sixth `;`. */
const naive = (payload: string) => {
  const [, , , verb = '', , , ...body] = payload.split(';');
  return { verb, body: body.join(';') };
};

describe('frames of the session layer', () => {
  test('[SS12] a frame is read by its first six semicolons, however many there are', () => {
    const rest = fc.array(fc.constantFrom(';', ';;', '#', 'ping', 'é', '{"v":1}')).map((parts) => parts.join(''));
    fc.assert(
      fc.property(rest, (text) => {
        expect(readFromClient(`$#m;${text}`)).toEqual(naive(`$#m;${text}`));
        expect(readFromServer(`#m;${text}`)).toEqual(naive(`#m;${text}`));
      }),
      { examples: [[''], ['ping'], [';;ping'], [';;ping;'], [';;ping;0;0'], [';;ping;0;0;'], [';;ping;0;0;a;b;']] },
    );
    expect(readFromClient(fromClient('auth', 'a;b'))).toEqual({ verb: 'auth', body: 'a;b' });
    expect(readFromServer(fromServer('pong', '0 0'))).toEqual({ verb: 'pong', body: '0 0' });
  });

  test.each(['', '$#m', '#m;;;ping;0;0;', ';$#m;', ' $#m;;;ping;0;0;', '$#M;;;ping;0;0;'])(
    '[SS12] %j is no frame of a client',
    (payload) => {
      expect(readFromClient(payload)).toBeUndefined();
    },
  );

  test('[SS12] a frame of nothing but semicolons costs no more than another of its size', () => {
    const frame = fromClient('ping', ';'.repeat(65_000));
    const began = process.cpuUsage();
    for (let times = 0; times < 300; times++) readFromClient(frame);
    // In µs of processor time. To split it 300 times takes about a second.
    expect(process.cpuUsage(began).user).toBeLessThan(300_000);
  });
});
