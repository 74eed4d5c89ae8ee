/** Who plays a scenario against the server. */
export const peers = ['raw', 'neffos.js', 'Go client', 'Go server'] as const;
export type PeerName = (typeof peers)[number];

/** One thing that a server of this protocol does, and why some peers cannot show it. */
export interface Scenario {
  readonly number: number;
  readonly name: string;
  readonly without: Readonly<Partial<Record<PeerName, string>>>;
}

const noDeclarations = 'it declares no namespaces of its own';
const oneConnection = 'the script has one connection';
const ourProgram = 'it is about our program, not about the wire';
const sendsNone = 'this client cannot send that';
const knownBehaviour = 'ours does this on purpose, see the page on coming from neffos';

const codec: Scenario['without'] = {
  'neffos.js': 'it has no codec to call; its frames are those of the other scenarios',
  'Go client': 'it has no codec to call; its frames are those of the other scenarios',
  'Go server': 'it has no codec to call; its frames are those of the other scenarios',
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
  scenario(3, 'separators in names', { 'neffos.js': codec['neffos.js'] ?? '', 'Go server': 'row 18 of scenario 20' }),
  scenario(4, 'a client connects to namespaces'),
  scenario(5, 'only the server declares a namespace', { raw: noDeclarations, 'Go server': noDeclarations }),
  scenario(6, 'only the client declares a namespace'),
  scenario(7, 'either side refuses a connect'),
  scenario(8, 'asks in a row', {}),
  scenario(9, 'a handler of any event', { 'Go server': ourProgram }),
  scenario(10, 'native messages beside events'),
  scenario(11, 'native messages only', { 'neffos.js': 'it always shakes hands' }),
  scenario(12, 'the client joins a room and leaves it'),
  scenario(13, 'the server joins its client inside a handler', { 'Go server': ourProgram }),
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
  scenario(19, 'HTTP: probes, methods, headers by URL', {
    'Go client': 'it only dials',
    'Go server': 'its probes are the same, its headers by URL are not limited to a list',
  }),
  scenario(20, 'the worked frames'),
  scenario(21, 'refusals and silence before the acknowledgement'),
  scenario(22, 'frames before the acknowledgement', {
    'neffos.js': sendsNone,
    'Go client': sendsNone,
    'Go server': knownBehaviour,
  }),
  scenario(23, 'the server connects its client inside onConnect', { 'Go server': ourProgram }),
  scenario(24, 'the server asks in and out, and is refused'),
  scenario(25, 'order and flags of every lifecycle event', {}),
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
  }),
];
