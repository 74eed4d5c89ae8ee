import { encode, inParts, opcodes, pieces, ping, pong, text } from './clientFrame.js';
import { type RfcCase, sectionOf, told } from './rfcCase.js';

const { text: ofText, binary: ofBinary, continuation } = opcodes;
const begin = (payload: string): Buffer => encode({ opcode: ofText, payload, isLast: false });
const middle = (payload: string): Buffer => encode({ opcode: continuation, payload, isLast: false });
const last = (payload: string): Buffer => encode({ opcode: continuation, payload });

/** Each frame by itself, all in one packet, and in octets. */
const writings = [
  { how: '', written: (frames: readonly Buffer[]) => frames },
  { how: ', in one packet', written: (frames: readonly Buffer[]) => [Buffer.concat(frames)] },
  { how: ', in octets', written: (frames: readonly Buffer[]) => pieces(Buffer.concat(frames), 1) },
] as const;

/** §5: messages in several frames. */
export const fragments = (): RfcCase[] => {
  const { echoes, fails } = sectionOf(5);
  const good: readonly (readonly [does: string, frames: readonly Buffer[], gets: readonly string[]])[] = [
    ['a text in two frames', inParts(ofText, ['ab', 'cd']), [told('text', 'abcd')]],
    ['a binary message in two frames', inParts(ofBinary, ['ab', 'cd']), [told('binary', 'abcd')]],
    ['a text in frames of one byte', inParts(ofText, [...'fragments']), [told('text', 'fragments')]],
    ['a text in 64 frames', inParts(ofText, [...'x'.repeat(64)]), [told('text', 'x'.repeat(64))]],
    ['an empty first frame', inParts(ofText, ['', 'ab']), [told('text', 'ab')]],
    ['an empty frame in the middle', inParts(ofText, ['a', '', 'b']), [told('text', 'ab')]],
    ['an empty last frame', inParts(ofText, ['ab', '']), [told('text', 'ab')]],
    ['a ping in between', [begin('a'), ping('p'), last('b')], [told('pong', 'p'), told('text', 'ab')]],
    ['a pong in between', [begin('a'), pong('p'), last('b')], [told('text', 'ab')]],
    [
      'pings in between',
      [begin('a'), ping('p'), middle('b'), ping('q'), middle('c'), ping(), last('d')],
      [told('pong', 'p'), told('pong', 'q'), told('pong'), told('text', 'abcd')],
    ],
    [
      'two messages in frames',
      [...inParts(ofText, ['a', 'b']), ...inParts(ofBinary, ['c', 'd'])],
      [told('text', 'ab'), told('binary', 'cd')],
    ],
  ];
  const bad: readonly (readonly [does: string, frames: readonly Buffer[], gets?: readonly string[]])[] = [
    ['a ping in two frames', inParts(opcodes.ping, ['a', 'b'])],
    ['a pong in two frames', inParts(opcodes.pong, ['a', 'b'])],
    ['a continuation of nothing', [last('a')]],
    ['a continuation of nothing, not the last', [middle('a'), text('b')]],
    ['an empty continuation of nothing', [last('')]],
    ['a continuation after a message', [text('a'), last('b')], [told('text', 'a')]],
    ['a continuation after a message in frames', [...inParts(ofText, ['a', 'b']), last('c')], [told('text', 'ab')]],
    ['a text inside a text', [begin('a'), text('b')]],
    ['a binary message inside a text', [begin('a'), encode({ opcode: ofBinary, payload: 'b' })]],
    ['a text that begins inside a text', [begin('a'), begin('b'), last('c')]],
    ['reserved bits in the last frame', [begin('a'), encode({ opcode: continuation, payload: 'b', reserved: 4 })]],
    ['an unknown opcode inside a text', [begin('a'), encode({ opcode: 5, payload: 'b' }), last('c')]],
  ];
  return writings.flatMap(({ how, written }) => [
    ...good.map(([does, frames, gets]) => echoes({ does: does + how, writes: written(frames), gets })),
    ...bad.map(([does, frames, gets = []]) => fails(1002, { does: does + how, writes: written(frames), gets })),
  ]);
};
