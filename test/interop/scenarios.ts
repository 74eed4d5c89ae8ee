/** The lines of Go neffos, oldest first. The newest wants a newer Go than many machines have: it alone may be missing. */
export const goVersions = ['v0.0.24', 'v0.0.25'] as const;
export type GoVersion = (typeof goVersions)[number];

/** What the suites and the table call the program of a line. */
export const nameOfGo = (version: GoVersion): string => `Go neffos ${version}`;

/** What the suites and the table call our server. */
export const muster = 'Muster';

/** What kind of peer plays a scenario: against our server, or, where it is our client, against a server of Go. */
export type PeerKind = 'raw' | 'neffos.js' | 'Go client' | 'Go server' | 'our client' | 'our client to Go';

/** One peer, with a column of its own in the table. */
export interface Player {
  readonly name: string;
  readonly kind: PeerKind;
  /** What the names of its tests have in them where several of a kind share a file. */
  readonly suite: string;
}

const goPlayers = (kind: PeerKind): readonly Player[] =>
  goVersions.map((version) => ({ name: `${kind} ${version}`, kind, suite: `${nameOfGo(version)} ` }));

export const players: readonly Player[] = [
  { name: 'raw', kind: 'raw', suite: '' },
  { name: 'neffos.js', kind: 'neffos.js', suite: '' },
  ...goPlayers('Go client'),
  ...goPlayers('Go server'),
  { name: 'our client', kind: 'our client', suite: `${muster} ` },
  ...goVersions.map((version): Player => {
    return { name: `our client, Go ${version}`, kind: 'our client to Go', suite: `${nameOfGo(version)} ` };
  }),
];

/** One thing that a server of this protocol does, and why some peers cannot show it. */
export interface Scenario {
  readonly number: number;
  readonly name: string;
  readonly without: Readonly<Partial<Record<PeerKind, string>>>;
}

const noDeclarations = 'it declares no namespaces of its own';
const oneConnection = 'the script has one connection';
const ourProgram = 'it is about our program, not about the wire';
const sendsNone = 'this client cannot send that';
const knownBehaviour = 'ours does this on purpose, see the page on coming from neffos';

const noCodec = 'it has no codec to call; its frames are those of the other scenarios';
const sendsNeither: Scenario['without'] = { 'our client': sendsNone, 'our client to Go': sendsNone };
const codec: Scenario['without'] = {
  'neffos.js': noCodec,
  'Go client': noCodec,
  'Go server': noCodec,
  'our client': noCodec,
  'our client to Go': noCodec,
};

const scenario = (number: number, name: string, without: Scenario['without'] = {}): Scenario => ({
  number,
  name,
  without,
});

/** Every scenario; tests name those that they play by `#number` in their titles. */
export const scenarios: readonly Scenario[] = [
  scenario(1, 'messages are encoded and decoded', codec),
  scenario(2, 'what is no frame is invalid, or native', codec),
  scenario(3, 'separators in names'),
  scenario(4, 'a client connects to namespaces'),
  scenario(5, 'only the server declares a namespace', { raw: noDeclarations, 'Go server': noDeclarations }),
  scenario(6, 'only the client declares a namespace'),
  scenario(7, 'either side refuses a connect'),
  scenario(8, 'asks in a row'),
  scenario(9, 'a handler of any event'),
  scenario(10, 'native messages beside events'),
  scenario(11, 'native messages only', { 'neffos.js': 'it always shakes hands' }),
  scenario(12, 'the client joins a room and leaves it'),
  scenario(13, 'the server joins its client inside a handler'),
  scenario(14, 'a broadcast to one id', { 'Go server': oneConnection }),
  scenario(15, 'the server asks one id', { 'Go server': oneConnection }),
  scenario(16, 'a second connect waits for the first', { 'Go server': ourProgram, 'Go client': sendsNone }),
  scenario(17, 'handlers that share an object', {
    'neffos.js': ourProgram,
    'Go client': ourProgram,
    'Go server': ourProgram,
  }),
  scenario(18, 'handlers from several maps', {
    'neffos.js': ourProgram,
    'Go client': ourProgram,
    'Go server': ourProgram,
  }),
  scenario(19, 'HTTP: probes, methods, headers by URL'),
  scenario(20, 'the worked frames'),
  scenario(21, 'refusals and silence before the acknowledgement'),
  scenario(22, 'frames before the acknowledgement', {
    'neffos.js': sendsNone,
    'Go client': sendsNone,
    'Go server': knownBehaviour,
    ...sendsNeither,
  }),
  scenario(23, 'the server connects its client inside onConnect'),
  scenario(24, 'the server asks in and out, and is refused'),
  scenario(25, 'order and flags of every lifecycle event'),
  scenario(26, 'broadcasts: whom they reach, whole and in order', { 'Go server': oneConnection }),
  scenario(27, 'asks inside handlers, and closed connections', { 'Go server': knownBehaviour }),
  scenario(28, 'binary'),
  scenario(30, 'the client’s own ways: reconnecting, leaving all, empty replies', {
    raw: 'it is about that client',
    'Go client': 'it is about another client',
    'Go server': 'it is about a client',
  }),
  scenario(31, 'forged events, tags and rooms', {
    'neffos.js': sendsNone,
    'Go client': sendsNone,
    'Go server': knownBehaviour,
    ...sendsNeither,
  }),
];
