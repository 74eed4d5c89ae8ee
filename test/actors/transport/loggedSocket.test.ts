import { fc } from '@fast-check/vitest';
import { describe, expect, test, vi } from 'vitest';
import { WebSocket as WebSocketOfTests } from 'ws';
import { lineOfNote } from '../../../src/actors/transport/loggedSocket.js';
import { type FrameNote, OnNativeMessage, reply, Server } from '../../../src/index.js';
import { SupervisorHarness, settled } from '../../support/server/supervisorHarness.js';

const open = (debug?: (note: FrameNote) => unknown) => {
  const notes: FrameNote[] = [];
  const harness = new SupervisorHarness({
    namespaces: {
      n: {
        echo: (_, { body }) => reply(body),
        boom() {
          throw new Error('canary in an error');
        },
        odd: () => 42 as unknown as undefined,
        later: () => Promise.resolve('x') as unknown as Promise<undefined>,
        nothing: () => null as unknown as undefined,
      },
    },
    onConnect: ({ id }) => {
      if (id === 'refused') throw new Error('canary in a refusal');
      if (id === 'refused;') throw new Error(';n;;canary;1;0;canary');
    },
    debug: (note) => {
      notes.push(note);
      return debug?.(note);
    },
  });
  return { harness, notes, lines: () => notes.map(lineOfNote) };
};

describe('the log of frames', () => {
  test('[SV12] logs every frame, in order, with its size', async () => {
    const { harness, lines } = open();
    const { socket, conn } = harness.connect('ann');
    socket.receive('early', 'M', '$1;n;;_OnNamespaceConnect;0;0;', '$2;n;;echo;0;0;äb', '$3;n;;boom;0;0;');
    socket.receive(new TextEncoder().encode(';n;r;x;0;0;y'), 'garbage');
    harness.supervisor.broadcast(null, [
      { namespace: 'n', event: 'one', body: 'canary' },
      { namespace: 'n', event: 'two', body: new Uint8Array(3) },
    ]);
    await harness.settle();
    void conn?.namespace('n')?.ask('question', 'canary');
    conn?.close(4_000, 'canary in a reason');
    socket.disconnect(4_000);
    expect(lines()).toEqual([
      '"ann" in text no frame, 5 bytes',
      '"ann" in text handshake M, 1 bytes',
      '"ann" out text handshake A, 4 bytes',
      '"ann" in text "_OnNamespaceConnect" in "n" (client asks), 30 bytes',
      '"ann" out text answer (client asks), 8 bytes',
      '"ann" in text "echo" in "n" (client asks), 18 bytes',
      '"ann" out text "echo" in "n" (client asks), 18 bytes',
      '"ann" in text "boom" in "n" (client asks), 15 bytes',
      '"ann" out text "boom" in "n" error (client asks), 33 bytes',
      '"ann" in binary "x" in "n"/"r", 12 bytes',
      '"ann" in text no frame, 7 bytes',
      '"ann" out text "one" in "n", 18 bytes',
      '"ann" out binary "two" in "n", 15 bytes',
      expect.stringMatching(/^"ann" out text "question" in "n" \(server asks\), \d+ bytes$/),
      '"ann" out close 4000, 18 bytes',
      '"ann" in close 4000, 0 bytes',
    ]);
    expect(lines().join()).not.toContain('canary');
  });

  test('[SV12] neither the text of a refusal nor a token is logged', () => {
    const { harness, lines } = open();
    harness.connect('refused').socket.receive('M');
    harness.open('b', 'n').socket.receive('$secret;n;;boom;0;0;', 'secret;n;;answer;0;0;');
    expect(lines().join('\n')).not.toMatch(/canary|secret/);
    expect(lines()).toContain('"refused" out text handshake H, 20 bytes');
  });

  test('[SV12] a refusal that looks like a frame is logged as a refusal', () => {
    const { harness, lines } = open();
    const { socket } = harness.connect('refused;');
    socket.receive('M');
    expect(lines()).toContain('"refused;" out text handshake H, 22 bytes');
    expect(lines().join()).not.toContain('canary');
  });

  test.each([
    ['only', { [OnNativeMessage]: () => {} }],
    ['mixed', { [OnNativeMessage]: () => {}, other() {} }],
  ])('[SV12] a native message is logged by its size only: %s', (_, events) => {
    const notes: FrameNote[] = [];
    const harness = new SupervisorHarness({ events, namespaces: {}, debug: (note) => notes.push(note) });
    const { socket, conn } = harness.connect('ann');
    socket.receive('M');
    const { length } = notes;
    socket.receive('canary', 'user;n;r;canary;x;0;y', 'Hcanary');
    conn?.write({ isNative: true, body: 'Acanary' });
    conn?.write({ isNative: true, body: 'a;n;r;canary;z;0;y' });
    const calls = notes.slice(length).map(lineOfNote);
    expect(calls.filter((line) => line.includes(' in '))).toEqual([
      '"ann" in text native message, 6 bytes',
      '"ann" in text native message, 21 bytes',
      '"ann" in text native message, 7 bytes',
    ]);
    expect(calls.join()).not.toContain('canary');
  });

  test('[SV12] a name is quoted, so that it has no line breaks or control characters', () => {
    const { harness, lines } = open();
    const name = 'a\n\u001b[31m\u009b31m\u2028"';
    harness.open('b', 'n').socket.receive(`;n;${name};${name};0;0;`);
    expect(lines().at(-1)).toBe(
      '"b" in text "a\\n\\u001b[31m\\u009b31m\\u2028\\"" in "n"/"a\\n\\u001b[31m\\u009b31m\\u2028\\"", 41 bytes',
    );
  });

  test('[SV12] characters that turn or hide a part of a line are escaped', () => {
    const { harness, lines } = open();
    const name = '\u202e\u200b\ufeff\u{e0041}\u00ad\u2066\ufe0f\u06dd\ufff9';
    harness.open('b', 'n').socket.receive(`;n;;${name};0;0;`);
    expect(lines().at(-1)).toBe(
      '"b" in text "\\u202e\\u200b\\ufeff\\udb40\\udc41\\u00ad\\u2066\\ufe0f\\u06dd\\ufff9" in "n", 35 bytes',
    );
  });

  test('[SV12] a line reads as it is written, whatever a client has chosen as a name', () => {
    const hidden = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const note = { connection: name, direction: 'in', kind: 'text', what: 'x', bytes: 1 } as const;
        const [quoted = ''] = /^".*"/s.exec(lineOfNote(note)) ?? [];
        expect(JSON.parse(quoted)).toBe(name);
        // Unassigned and private characters are visible, as boxes.
        expect(quoted.replace(/[\p{Cn}\p{Co}]/gu, '')).not.toMatch(hidden);
      }),
    );
  });

  test('[SV12] a ping is logged as well', async () => {
    const { harness, lines } = open();
    harness.open('b', 'n');
    harness.clock.advance(25_000);
    await harness.settle();
    expect(lines().at(-1)).toBe('"b" out control ping, 0 bytes');
  });

  test('[SV12] [SV2] a log that throws or rejects has no effect', async () => {
    const failure = new Error('disk full');
    for (const debug of [
      () => {
        throw failure;
      },
      () => Promise.reject(failure),
    ]) {
      const { harness } = open(debug);
      const { socket } = harness.open('b', 'n');
      socket.receive('$1;n;;echo;0;0;x');
      await settled();
      expect(socket.payloads).toEqual(['$1;n;;echo;0;0;x']);
      expect(harness.errors[0]).toEqual({ error: failure, where: { during: 'debug' } });
    }
  });

  test('[SV12] true is the console', async () => {
    const said = vi.spyOn(console, 'debug').mockImplementation(() => {});
    await using server = new Server({ namespaces: { n: {} }, debug: true });
    const { port } = await server.listen(0);
    const ws = new WebSocketOfTests(`ws://127.0.0.1:${port}/`);
    await new Promise((resolve) => {
      ws.on('open', () => ws.send('M'));
      ws.on('message', resolve);
    });
    expect(said.mock.calls.map(([line]) => line)).toEqual([
      expect.stringMatching(/^"[-0-9a-f]{36}" in text handshake M, 1 bytes$/),
      expect.stringMatching(/ out text handshake A, 37 bytes$/),
    ]);
    ws.terminate();
    await server.close();
    said.mockRestore();
  });
});

describe('an unused return value', () => {
  test.each([
    ['odd', 'number'],
    ['later', 'string'],
    ['nothing', 'null'],
  ])('[SV13] is reported to onError: %s', async (event, type) => {
    const { harness } = open();
    const { socket } = harness.open('b', 'n');
    socket.receive(`$1;n;;${event};0;0;`);
    await settled();
    expect(socket.payloads).toEqual([]);
    expect(harness.errors).toMatchObject([{ where: { during: event, connection: 'b', namespace: 'n' } }]);
    expect(String(harness.errors[0]?.error)).toContain(`a returned ${type} has no effect`);
  });

  test('[SV13] is not reported without debug', () => {
    const harness = new SupervisorHarness({ namespaces: { n: { odd: () => 42 as unknown as undefined } } });
    harness.open('b', 'n').socket.receive('$1;n;;odd;0;0;');
    expect(harness.errors).toEqual([]);
  });
});
