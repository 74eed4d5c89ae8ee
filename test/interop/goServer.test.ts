import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { goPeers } from '../support/peers/goPeer.js';
import { describeWith } from '../support/peers/installed.js';
import { RawClient, type RawFrame } from '../support/peers/rawClient.js';
import { mixedActs, type Scene, scenes, workedActs } from './script.js';
import { type Side, useSides } from './sides.js';

const { startOurs, startTheirs } = useSides();
const clients: RawClient[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.terminate();
});

/** What came of a scene. */
interface Transcript {
  readonly frames: readonly string[];
  readonly outcome: string | undefined;
  readonly events: readonly string[];
}

const show = (frame: RawFrame): string => (typeof frame === 'string' ? frame : `<${frame.toString('latin1')}>`);
/** A token of the server, which is another one each time. */
const serverToken = /^(?![$<;A])[0-9a-z-]+(?=;)/i;
const sentinel = '$sentinel;;;;;;';

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const play = async (side: Side, { steps, id = 'joe', isNative }: Scene): Promise<Transcript> => {
  const client = await RawClient.dial(`${side.url}?id=${id}`);
  clients.push(client);
  const frames: string[] = [];
  const see = async (): Promise<string> => {
    const frame = show(await client.next());
    frames.push(frame.replace(serverToken, 'W'));
    return frame;
  };
  /** Every answer to earlier frames precedes this one. */
  const catchUp = async (): Promise<void> => {
    client.send('$sentinel;nowhere;;_OnNamespaceDisconnect;0;0;');
    while ((await see()) !== sentinel) {}
    frames.pop();
  };
  /** The token of the server's next ask. */
  const nextToken = async (): Promise<string> => {
    for (;;) {
      const [token] = serverToken.exec(await see()) ?? [];
      if (token !== undefined) return token;
    }
  };
  let outcome: Promise<string> | undefined;
  for (const step of steps) {
    if (step === 'see') {
      await see();
    } else if (typeof step === 'string' || Buffer.isBuffer(step)) {
      client.send(step);
    } else if ('does' in step) {
      if (step.does.op !== 'emit') await catchUp();
      outcome = side.does(id, step.does).catch(textOf);
    } else {
      client.send(`${await nextToken()}${step.answer}`);
    }
  }
  const done = await outcome;
  if (!isNative) await catchUp();
  await side.received();
  return { frames, outcome: done, events: side.log.rest() };
};

/** The newer line writes `A` and what it asks inside OnConnect from two goroutines; whichever comes first is the same. */
const acceptedFirst = (transcript: Transcript): Transcript => {
  const isAcceptance = (frame: string): boolean => frame.startsWith('A');
  const { frames } = transcript;
  return { ...transcript, frames: [...frames.filter(isAcceptance), ...frames.filter((one) => !isAcceptance(one))] };
};

/** Asks for what is no upgrade. */
const request = async (url: string, method: string) => {
  const sent = httpRequest(url.replace(/^ws/, 'http'), { method });
  sent.end();
  // What an answer is announced with.
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await text(response) };
};

for (const peer of goPeers)
  describeWith(peer, `${peer.name} as a server, and ours`, (path) => {
    describe('the same script', () => {
      it.each(scenes.map((scene) => [scene.title, scene] as const))('%s', async (_, scene) => {
        const acts = scene.acts ?? workedActs;
        const [ours, theirs] = [await startOurs(acts), await startTheirs(path, acts)];
        const [played, expected] = [await play(ours, scene), acceptedFirst(await play(theirs, scene))];
        const { frames = expected.frames, events = expected.events, because } = scene.ours ?? {};
        expect(played).toEqual({ ...expected, frames, events });
        // A difference that no longer exists must not be listed.
        if (scene.ours) expect(expected.frames, because).not.toEqual(frames);
        if (scene.ours?.events) expect(expected.events, because).not.toEqual(events);
      });
    });

    it('[HS7] #20 #21 row 2: a refusal of onConnect', async () => {
      const received = async ({ url }: Side): Promise<RawFrame> => {
        const client = await RawClient.dial(`${url}?id=refused`);
        clients.push(client);
        client.send('M');
        const text = await client.next();
        await client.closed;
        return text;
      };
      expect(await received(await startOurs(workedActs))).toBe('Hnot allowed; sorry');
      expect(await received(await startTheirs(path, workedActs))).toBe('Hnot allowed; sorry');
    });

    it('[FR10] #10 native messages are no events while the empty namespace is not connected', async () => {
      const scene: Scene = { title: '', steps: ['M', 'raw'], acts: mixedActs };
      const expected = { frames: ['Ajoe'], outcome: undefined, events: [] };
      expect(await play(await startOurs(mixedActs), scene)).toEqual(expected);
      expect(await play(await startTheirs(path, mixedActs), scene)).toEqual(expected);
    });

    it('[NS7] #25 the socket is lost: forced events of both', async () => {
      const received = async (side: Side): Promise<string[]> => {
        const client = await RawClient.dial(`${side.url}?id=joe`);
        await client.inDefault();
        await client.join('default', 'r1');
        await side.log.take(4);
        client.terminate();
        return side.log.take(3);
      };
      const forced = [
        'OnRoomLeave default/r1 forced local',
        'OnRoomLeft default/r1 forced local',
        'OnNamespaceDisconnect default forced local',
      ];
      expect(await received(await startOurs(workedActs))).toEqual(forced);
      expect(await received(await startTheirs(path, workedActs))).toEqual(forced);
    });

    describe('HTTP', () => {
      const both = async (): Promise<readonly Side[]> => [
        await startOurs(workedActs),
        await startTheirs(path, workedActs),
      ];

      it('[HS12] #19 a probe is answered 302 and leads nowhere', async () => {
        for (const { url } of await both()) {
          const { status, headers, body } = await request(url, 'HEAD');
          expect([status, headers.location, body]).toEqual([302, undefined, '']);
        }
      });

      it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('[HS12] #19 %s is answered 405', async (method) => {
        for (const { url } of await both()) {
          const { status, headers, body } = await request(url, method);
          expect([status, headers.allow, headers['x-content-type-options']]).toEqual([405, 'GET', 'nosniff']);
          expect(body).toBe('Method Not Allowed\n');
        }
      });

      it('[HS12] #19 a GET without upgrade is answered with 400', async () => {
        for (const { url } of await both()) {
          const { status, headers } = await request(url, 'GET');
          expect([status, headers['sec-websocket-version']]).toEqual([400, '13']);
        }
      });

      it('[HS13] #19 a page of another host is answered 403', async () => {
        for (const { url } of await both()) {
          const dialled = RawClient.dial(url, { Origin: 'http://elsewhere.example' });
          await expect(dialled).rejects.toThrow('403');
        }
      });

      /** The id that a client gets, and how often it says that it has tried. */
      const met = async (side: Side, query: string, headers: Readonly<Record<string, string>> = {}) => {
        const client = await RawClient.dial(`${side.url}?${query}`, headers);
        clients.push(client);
        const id = await client.acknowledge();
        return [id, await side.tries(id)];
      };

      it.each([
        ['X-Websocket-Header-X-Id=ann', {}, ['ann', 0]],
        ['x-WEBSOCKET-header-x-iD=ann', {}, ['ann', 0]],
        ['X-Websocket-Header-X-Id=ann', { 'X-Id': 'bob' }, ['bob', 0]],
        ['id=joe&X-Websocket-Header-X-Websocket-Reconnect=3', {}, ['joe', 3]],
        ['id=joe&x-WEBSOCKET-header-x-websocket-reconnect=4', {}, ['joe', 4]],
        ['id=joe&X-Websocket-Header-X-Websocket-Reconnect=3', { 'X-Websocket-Reconnect': '2' }, ['joe', 2]],
      ] as const)('[HS14] #19 a header by URL: %s beside %j', async (query, headers, expected) => {
        for (const side of await both()) expect(await met(side, query, headers)).toEqual(expected);
      });

      it.each([
        ['2', 2],
        ['007', 7],
        ['abc', 0],
        ['3abc', 0],
        ['1e99', 0],
        ['12.7', 0],
        ['0x10', 0],
      ])('[HS14] #19 the reconnect header %j counts as %i', async (header, tries) => {
        const headers = { 'X-Websocket-Reconnect': header };
        for (const side of await both()) expect(await met(side, 'id=joe', headers)).toEqual(['joe', tries]);
      });
    });
  });
