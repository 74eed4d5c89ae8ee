import { describe } from 'vitest';
import type { DialOptions, Events, NSConn } from '../../src/client/client.js';
import { goPeers } from '../support/peers/goPeer.js';
import { describeWith } from '../support/peers/installed.js';
import { type OurClient, useOurClients } from '../support/peers/ourClient.js';
import { muster } from './scenarios.js';
import { type Acts, workedActs } from './script.js';
import { type Side, useSides } from './sides.js';

/** A client of ours that is in `default`. The calls of its handlers so far are read. */
export interface Entered extends OurClient {
  readonly ns: NSConn;
}

/** One of the servers that our client is played to. */
export interface Stage {
  /** Whether it is ours. */
  readonly isOurs: boolean;
  readonly start: (acts?: Acts) => Promise<Side>;
  readonly dial: ReturnType<typeof useOurClients>;
}

/** Describes the same suite for our server and for each release line of Go. */
export const describeStages = (suite: (stage: Stage) => void): void => {
  const { startOurs, startTheirs } = useSides();
  const dial = useOurClients();
  describe(`our client and ${muster}`, () =>
    suite({ isOurs: true, dial, start: (acts = workedActs) => startOurs(acts) }));
  for (const peer of goPeers)
    describeWith(peer, `our client and ${peer.name}`, (path) =>
      suite({ isOurs: false, dial, start: (acts = workedActs) => startTheirs(path, acts) }),
    );
};

/** Returns the URL that gives a connection this id. */
export const urlFor = ({ url }: Pick<Side, 'url'>, id = 'joe'): string => `${url}?id=${id}`;

/** How a client enters. */
export interface EntryOptions {
  readonly id?: string;
  readonly rooms?: readonly string[];
  readonly handlers?: Events;
  readonly options?: DialOptions;
}

/** Dials as this id, and enters `default` and these rooms. */
export const enter = async (
  { dial }: Stage,
  side: Pick<Side, 'url'>,
  { id = 'joe', rooms = [], handlers = {}, options = {} }: EntryOptions = {},
): Promise<Entered> => {
  const made = dial(urlFor(side, id), { default: handlers }, options);
  const ns = await made.client.connect('default');
  for (const room of rooms) await ns.joinRoom(room);
  made.log.rest();
  return { ...made, ns };
};

/** Enters, and reads what the server has recorded of it. */
export const enterAlone = async (stage: Stage, side: Side, entry: EntryOptions = {}): Promise<Entered> => {
  const entered = await enter(stage, side, entry);
  await side.log.take(2 + 2 * (entry.rooms?.length ?? 0));
  return entered;
};

/** Returns the calls of its handlers since the last call; the answer to `ping` follows all of them. */
export const told = async ({ ns, log }: Pick<Entered, 'ns' | 'log'>): Promise<string[]> => {
  await ns.ask('ping');
  return log.rest();
};
