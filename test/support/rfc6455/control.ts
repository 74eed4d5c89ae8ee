import { binary, close, encode, opcodes, pieces, ping, pong, text } from './clientFrame.js';
import { closed, type RfcCase, sectionOf, told } from './rfcCase.js';

const octets = (...frames: readonly Buffer[]): Buffer[] => pieces(Buffer.concat(frames), 1);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

/** §2: pings and pongs. */
export const pings = (): RfcCase[] => {
  const { echoes, fails } = sectionOf(2);
  const payloads = [
    ['an empty payload', Buffer.alloc(0)],
    ['a text', Buffer.from('hello')],
    ['bytes', Buffer.from([0, 255, 254, 253, 0])],
    ['125 bytes', Buffer.alloc(125, 0xfe)],
  ] as const;
  const ten = upTo(10).map((at) => `${at}`);
  return [
    ...payloads.flatMap(([what, payload]) => [
      echoes({ does: `a ping with ${what}`, writes: [ping(payload)], gets: [told('pong', payload)] }),
      echoes({ does: `a ping with ${what}, in octets`, writes: octets(ping(payload)), gets: [told('pong', payload)] }),
      echoes({ does: `a pong with ${what}, not asked for`, writes: [pong(payload)] }),
      echoes({
        does: `a pong with ${what}, not asked for, then a ping`,
        writes: [pong(payload), ping('p')],
        gets: [told('pong', 'p')],
      }),
    ]),
    fails(1002, { does: 'a ping with 126 bytes', writes: [ping(Buffer.alloc(126))] }),
    fails(1002, { does: 'a pong with 126 bytes', writes: [pong(Buffer.alloc(126))] }),
    echoes({
      does: 'ten pings in one packet',
      writes: [Buffer.concat(ten.map(ping))],
      gets: ten.map((payload) => told('pong', payload)),
    }),
    echoes({
      does: 'ten pings in octets',
      writes: octets(...ten.map(ping)),
      gets: ten.map((payload) => told('pong', payload)),
    }),
    echoes({
      does: 'pings between messages',
      writes: [text('one'), ping('p'), binary(Buffer.from('two')), ping('q')],
      gets: [told('text', 'one'), told('pong', 'p'), told('binary', 'two'), told('pong', 'q')],
    }),
  ];
};

const afterMessage = { writes: [text('before')], gets: [told('text', 'before')] } as const;

/** Frames that are no frames: alone, after a message, with another one behind, and in octets. */
const violations = (section: number, does: string, frame: Buffer): RfcCase[] => {
  const { fails } = sectionOf(section);
  const { writes, gets } = afterMessage;
  return [
    fails(1002, { does, writes: [frame] }),
    fails(1002, { does: `${does}, after a message`, writes: [...writes, frame], gets }),
    fails(1002, { does: `${does}, in the packet of a message`, writes: [Buffer.concat([...writes, frame])], gets }),
    fails(1002, { does: `${does}, before a ping`, writes: [Buffer.concat([frame, ping()])] }),
    fails(1002, { does: `${does}, in octets`, writes: octets(frame) }),
  ];
};

/** §3: reserved bits, of which no extension was agreed on. */
export const reservedBits = (): RfcCase[] =>
  [1, 2, 3, 4, 5, 6, 7].flatMap((reserved) =>
    (['text', 'binary', 'close', 'ping', 'pong'] as const).flatMap((kind) => {
      const payload = kind === 'close' ? Buffer.from([3, 232]) : 'x';
      const does = `reserved bits ${reserved.toString(2).padStart(3, '0')} on a ${kind} frame`;
      return violations(3, does, encode({ opcode: opcodes[kind], payload, reserved }));
    }),
  );

/** §4: opcodes that the RFC has not given a meaning. */
export const unknownOpcodes = (): RfcCase[] =>
  [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode) =>
    ['', 'x'].flatMap((payload) =>
      violations(4, `opcode ${opcode}${payload && ' with a payload'}`, encode({ opcode, payload })),
    ),
  );

/** The codes that a close frame may carry, at their bounds. */
const validCodes = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
const invalidCodes = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];

/** §7: the end of a connection. */
export const closing = (): RfcCase[] => {
  const { ends, fails } = sectionOf(7);
  const raw = (payload: Buffer): Buffer => encode({ opcode: opcodes.close, payload });
  const withCode = (reason: Buffer): Buffer => raw(Buffer.concat([Buffer.from([3, 232]), reason]));
  return [
    ends({ does: 'a close frame without a code', writes: [close()], gets: [closed()] }),
    ends({ does: 'a close frame in octets', writes: octets(close(1000, 'bye')), gets: [closed(1000)] }),
    ends({
      does: 'a message, then a close frame',
      writes: [text('x'), close(1000)],
      gets: [told('text', 'x'), closed(1000)],
    }),
    ends({
      does: 'a message and a close frame in one packet',
      writes: [Buffer.concat([text('x'), close(1000)])],
      gets: [told('text', 'x'), closed(1000)],
    }),
    ends({ does: 'two close frames', writes: [close(1000), close(1001)], gets: [closed(1000)] }),
    ends({
      does: 'a message after a close frame',
      writes: [Buffer.concat([close(1000), text('x')])],
      gets: [closed(1000)],
    }),
    ends({ does: 'a ping after a close frame', writes: [Buffer.concat([close(1000), ping()])], gets: [closed(1000)] }),
    ends({
      does: 'a close frame inside a message',
      writes: [encode({ opcode: opcodes.text, payload: 'x', isLast: false }), close(1000)],
      gets: [closed(1000)],
    }),
    ends({
      does: 'a close frame inside a message, and the rest of it',
      writes: [
        encode({ opcode: opcodes.text, payload: 'x', isLast: false }),
        close(1000),
        encode({ opcode: opcodes.continuation, payload: 'y' }),
      ],
      gets: [closed(1000)],
    }),
    ends({ does: 'a reason of 123 bytes', writes: [close(1000, '*'.repeat(123))], gets: [closed(1000)] }),
    ends({ does: 'a reason in UTF-8', writes: [close(1000, 'schöner Gruß ✓')], gets: [closed(1000)] }),
    fails(1002, { does: 'a reason of 124 bytes', writes: [close(1000, '*'.repeat(124))] }),
    fails(1002, { does: 'a close frame of one byte', writes: [raw(Buffer.from([3]))] }),
    fails(1007, { does: 'a reason that is no UTF-8', writes: [withCode(Buffer.from([0xce, 0xba, 0xed, 0xa0, 0x80]))] }),
    fails(1002, {
      does: 'a close frame that is not the last',
      writes: [encode({ opcode: opcodes.close, isLast: false })],
    }),
    ...validCodes.flatMap((code) => [
      ends({ does: `code ${code}`, writes: [close(code)], gets: [closed(code)] }),
      ends({ does: `code ${code} with a reason`, writes: [close(code, 'why')], gets: [closed(code)] }),
    ]),
    ...invalidCodes.flatMap((code) => [
      fails(1002, { does: `code ${code}`, writes: [close(code)] }),
      fails(1002, { does: `code ${code} with a reason`, writes: [close(code, 'why')] }),
    ]),
  ];
};
