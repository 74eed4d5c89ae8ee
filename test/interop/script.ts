/** What a handler does, described for both servers. */
export type Acts = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Namespaces of the server that most of the script is played to. */
export const workedActs: Acts = {
  default: {
    ping: 'reply:pong',
    boom: 'error:boom; with semicolon',
    echo: 'reply',
    void: '',
    empty: 'empty',
    all: 'broadcast',
    enter: 'join',
    _OnRoomJoin: 'refuse:secret=room denied',
    _OnRoomLeave: 'refuse:sticky=cannot leave',
  },
  deny: { _OnNamespaceConnect: 'error:no way' },
  other: { echo: 'reply' },
  stays: { _OnNamespaceDisconnect: 'error:stay' },
  'contains;semi': { echo: 'reply' },
};
const anyActs: Acts = { default: { _OnAnyEvent: 'any' } };
export const nativeOnlyActs: Acts = { '': { _OnNativeMessage: 'raw' } };
export const mixedActs: Acts = { '': { _OnNativeMessage: 'reply:answered', echo: 'reply' } };

/** What the program on the server is to do, meanwhile; `invited` waits for what came of its connect in `onConnect`. */
export interface Doing {
  readonly op: 'connect' | 'disconnect' | 'join' | 'leave' | 'ask' | 'emit' | 'invited';
  readonly namespace?: string;
  readonly room?: string;
  readonly event?: string;
  readonly body?: string;
}

/** One step: a frame of the client, something that the program does, an answer to its next ask, a frame to wait for. */
type Step = string | Buffer | { readonly does: Doing } | { readonly answer: string } | 'see';

export interface Scene {
  readonly title: string;
  readonly steps: readonly Step[];
  readonly acts?: Acts;
  /** The id of the connection; one that is `invited` is connected to `default` inside `onConnect`. */
  readonly id?: string;
  /** There is no handshake, so that nothing can be asked at the end: every frame is waited for by itself. */
  readonly isNative?: true;
  /** Why Muster sends something else. Without `events` its handlers get the same calls. */
  readonly ours?: {
    readonly frames: readonly string[];
    readonly events?: readonly string[];
    readonly because: string;
  };
}

const ask = (event: string, room = '', namespace = 'default'): string => `$1;${namespace};${room};${event};0;0;`;
const connect = ask('_OnNamespaceConnect');
const join = (room: string): string => ask('_OnRoomJoin', room);
const bytes = (header: string, ...body: number[]): Buffer => Buffer.concat([Buffer.from(header), Buffer.from(body)]);
const escaped = (name: string): string => name.replaceAll(';', '@%!semicolon@%!');
const inDefault = ['M', connect] as const;
const inRoom = (room: string): readonly string[] => [...inDefault, join(room)];

const answers = 'an ask is answered, so that nobody waits for nothing';

/** The worked frames, by row. `A` and the answers to the steps that lead there are part of what is compared. */
export const scenes: readonly Scene[] = [
  { title: '[HS2] #20 row 1: M', steps: ['M'] },
  { title: '[HS2] #20 a second M is no frame', steps: ['M', 'M'] },
  {
    title: '[NS8] #20 row 3: an ask before the connect',
    steps: ['M', ask('ping')],
    ours: { frames: ['Ajoe', '$1;default;;ping;1;0;bad namespace'], because: answers },
  },
  { title: '[NS8] #20 an emit before the connect', steps: ['M', ';default;;ping;0;0;'] },
  { title: '[NS1] #4 #20 row 4: connect', steps: inDefault },
  { title: '[NS2] #20 row 5: connect once more', steps: [...inDefault, '$2;default;;_OnNamespaceConnect;0;0;'] },
  { title: '[NS1] #6 #20 row 6: an undeclared namespace', steps: ['M', ask('_OnNamespaceConnect', '', 'nope')] },
  { title: '[NS2] #7 #20 row 7: a veto of connect', steps: ['M', ask('_OnNamespaceConnect', '', 'deny')] },
  { title: '[NS9] #20 row 8: connect without a token', steps: ['M', ';default;;_OnNamespaceConnect;0;0;'] },
  { title: '[NS9] #20 row 8: connect that is a no-op', steps: ['M', '$1;default;;_OnNamespaceConnect;0;1;'] },
  { title: '[AK8] #8 #20 row 9: a reply to an ask', steps: [...inDefault, ask('ping')] },
  { title: '[AK8] #20 row 10: a reply to an emit', steps: [...inDefault, ';default;;ping;0;0;'] },
  { title: '[AK8] #20 row 11: an empty reply', steps: [...inDefault, ask('empty')] },
  { title: '[AK8] #20 row 12: an error to an ask', steps: [...inDefault, ask('boom')] },
  { title: '[AK8] #20 row 13: an error to an emit', steps: [...inDefault, ';default;;boom;0;0;'] },
  { title: '[AK8] #20 row 14: a handler that returns nothing', steps: [...inDefault, ask('void')] },
  { title: '[AK8] #20 row 14: an unknown event', steps: [...inDefault, ask('unknown')] },
  { title: '[FR1] #20 row 15: separators in a body', steps: [...inDefault, '$10;default;;echo;0;0;a;b;c'] },
  {
    title: '[FR5] #20 #28 row 16: binary',
    steps: [...inDefault, bytes('$11;default;;echo;0;0;', 0x01, 0xff, 0x3b, 0x02)],
  },
  {
    title: '[FR5] #20 #28 row 17: an error to binary',
    steps: [...inDefault, bytes('$12;default;;boom;0;0;')],
    ours: {
      frames: ['Ajoe', '$1;;;;;;', '$12;default;;boom;1;0;boom; with semicolon'],
      because: 'an error is a text, which every client can read',
    },
  },
  {
    title: '[FR3] #20 row 18: a separator in an event',
    steps: [
      ...inDefault,
      'see',
      'see',
      { does: { op: 'emit', namespace: 'default', event: 'a;b', body: 'x;y' } },
      'see',
    ],
  },
  { title: '[FR1] #20 row 19: garbage', steps: [...inDefault, 'garbage', 'a;b;c;d;0;0'] },
  {
    title: '[RM5] #20 row 20: an ask of a room that it is not in',
    steps: [...inDefault, ask('echo', 'r1')],
    ours: {
      frames: ['Ajoe', '$1;;;;;;', '$1;default;r1;echo;1;0;bad room'],
      events: ['OnNamespaceConnect default', 'OnNamespaceConnected default'],
      because: 'a message of a room comes from its members, and an ask is answered',
    },
  },
  { title: '[RM1] #12 #20 #25 row 21: join, twice', steps: [...inRoom('r1'), join('r1')] },
  { title: '[AK8] #20 #12 row 22: a message of a room', steps: [...inRoom('r1'), ask('echo', 'r1')] },
  { title: '[RM1] #20 row 23: a veto of join', steps: inRoom('secret') },
  { title: '[RM2] #20 row 24: a veto of leave', steps: [...inRoom('sticky'), ask('_OnRoomLeave', 'sticky')] },
  { title: '[RM2] #20 row 25: leaving a room that it is not in', steps: [...inDefault, ask('_OnRoomLeave', 'never')] },
  { title: '[RM2] #12 #20 #25 row 26: leave', steps: [...inRoom('r1'), ask('_OnRoomLeave', 'r1')] },
  {
    title: '[NS8] #20 row 27: join of a namespace that is not connected',
    steps: [...inDefault, ask('_OnRoomJoin', 'r1', 'nope')],
    ours: { frames: ['Ajoe', '$1;;;;;;', '$1;nope;r1;_OnRoomJoin;1;0;bad namespace'], because: answers },
  },
  {
    title: '[RM3] #20 #24 row 28: the server asks into a room',
    steps: [...inDefault, { does: { op: 'join', namespace: 'default', room: 'srv1' } }, { answer: ';;;;;;' }],
  },
  {
    title: '[RM3] #24 the client refuses to join',
    steps: [
      ...inDefault,
      { does: { op: 'join', namespace: 'default', room: 'srv1' } },
      { answer: ';default;srv1;_OnRoomJoin;1;0;not me' },
    ],
  },
  {
    title: '[RM4] #20 #24 the server asks out of a room',
    steps: [...inRoom('srv1'), { does: { op: 'leave', namespace: 'default', room: 'srv1' } }, { answer: ';;;;;;' }],
  },
  {
    title: '[RM4] #20 #24 row 29: the client refuses to leave',
    steps: [
      ...inRoom('srv1'),
      { does: { op: 'leave', namespace: 'default', room: 'srv1' } },
      { answer: ';default;srv1;_OnRoomLeave;1;0;client refuses' },
    ],
  },
  {
    title: '[NS4] #20 #24 row 30: the server asks into a namespace',
    steps: ['M', { does: { op: 'connect', namespace: 'default' } }, { answer: ';;;;;;' }],
  },
  {
    title: '[NS4] #20 #24 row 31: the client refuses to connect',
    steps: [
      'M',
      { does: { op: 'connect', namespace: 'default' } },
      { answer: ';default;;_OnNamespaceConnect;1;0;bad namespace' },
    ],
  },
  {
    title: '[AK2] #20 row 32: the client answers an ask',
    steps: [
      ...inDefault,
      { does: { op: 'ask', namespace: 'default', event: 'question', body: '?' } },
      { answer: ';default;;question;0;0;forty two' },
    ],
  },
  {
    title: '[AK3] #20 row 33: the client answers with an error',
    steps: [
      ...inDefault,
      { does: { op: 'ask', namespace: 'default', event: 'question', body: '?' } },
      { answer: ';default;;question;1;0;bad room' },
    ],
  },
  {
    title: '[BC9] #20 row 34: an ask that is broadcast again',
    steps: [...inDefault, 'see', 'see', '$40;default;;all;0;0;hello', 'see'],
    ours: {
      frames: ['Ajoe', '$1;;;;;;', ';default;;all;0;0;hello'],
      because: 'what is sent on is nobody’s question any more',
    },
  },
  {
    title: '[NS3] #20 row 35: a veto of disconnect',
    steps: ['M', ask('_OnNamespaceConnect', '', 'stays'), '$50;stays;;_OnNamespaceDisconnect;0;0;'],
  },
  {
    title: '[NS3] #20 row 36: disconnect of a namespace that is not connected',
    steps: ['M', '$51;nope;;_OnNamespaceDisconnect;0;0;'],
  },
  {
    title: '[NS5] #20 #24 #25 row 37: the server asks out of a namespace',
    steps: [...inRoom('r1'), { does: { op: 'disconnect', namespace: 'default' } }, { answer: ';;;;;;' }],
  },
  {
    title: '[NS5] #24 the client refuses to disconnect',
    steps: [
      ...inDefault,
      { does: { op: 'disconnect', namespace: 'default' } },
      { answer: ';default;;_OnNamespaceDisconnect;1;0;I stay' },
    ],
  },
  {
    title: '[HS10] #11 #20 row 38: native messages only',
    acts: nativeOnlyActs,
    isNative: true,
    steps: ['M', 'see', 'hello', 'see'],
  },
  {
    title: '[FR10] #10 #20 row 39: native messages beside events',
    acts: mixedActs,
    steps: ['M', 'raw', ask('_OnNamespaceConnect', '', ''), 'raw', ask('echo', '', '')],
    ours: {
      frames: ['Ajoe', '$1;;;;;;', 'answered', '$1;;;echo;0;0;'],
      because: 'the reply of a native handler is what goes out',
    },
  },
  {
    title: '[FR3] #3 #20 separators in names',
    steps: [
      'M',
      ask('_OnNamespaceConnect', '', escaped('contains;semi')),
      ask('_OnRoomJoin', escaped(';this;for sure;'), escaped('contains;semi')),
      ask('echo', escaped(';this;for sure;'), escaped('contains;semi')),
    ],
  },
  {
    title: '[AK8] #9 a handler of any event: an emit, an ask, and lifecycle events, which it cannot refuse',
    acts: anyActs,
    steps: [
      ...inRoom('r1'),
      ';default;;an_event;0;0;a_body',
      '$2;default;;an_event;0;0;a_body',
      '$3;default;r1;an_event;0;0;a_body',
      ask('_OnRoomLeave', 'r1'),
      ask('_OnNamespaceDisconnect'),
    ],
  },
  {
    title: '[AK8] #9 #20 a framed native message is an event like any other',
    acts: anyActs,
    steps: [...inDefault, '$2;default;;_OnNativeMessage;0;0;x'],
  },
  {
    title: '[RM3] [RM7] #13 a handler joins its client, emits to the room and answers; the client leaves',
    steps: [
      ...inDefault,
      '$2;default;;enter;0;0;srv1',
      { answer: ';;;;;;' },
      // The newer line takes the next frame while its handler still joins; so the room comes first.
      'see',
      'see',
      '$3;default;srv1;echo;0;0;hello',
      ask('_OnRoomLeave', 'srv1'),
    ],
  },
  {
    title: '[RM3] [RM7] #13 a handler that was not asked joins its client',
    steps: [...inDefault, ';default;;enter;0;0;srv1', { answer: ';;;;;;' }],
  },
  {
    title: '[RM3] #13 #24 the client refuses to be joined by a handler, whose error that is',
    steps: [...inDefault, '$2;default;;enter;0;0;srv1', { answer: ';default;srv1;_OnRoomJoin;1;0;not me' }],
  },
  {
    title: '[HS9] [NS4] #23 the server connects its client inside onConnect',
    id: 'invited',
    steps: ['M', { answer: ';;;;;;' }, { does: { op: 'invited' } }, ask('ping')],
  },
  {
    title: '[HS9] [NS4] #23 the client refuses a connect inside onConnect',
    id: 'invited',
    steps: ['M', { answer: ';default;;_OnNamespaceConnect;1;0;bad namespace' }, { does: { op: 'invited' } }],
  },
  {
    title: '[NS3] #25 disconnect, out of a room',
    steps: [...inRoom('r1'), ask('_OnNamespaceDisconnect')],
  },
  {
    title: '[NS3] #20 #25 row 42: disconnect, twice',
    steps: [...inDefault, '$52;default;;_OnNamespaceDisconnect;0;0;', '$53;default;;_OnNamespaceDisconnect;0;0;'],
  },
];
