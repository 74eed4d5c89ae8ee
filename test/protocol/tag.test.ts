import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { isTag, readTag, type SenderTag, writeTag } from '../../src/protocol/tag.js';

const node = '4da6a244-42fb-4ea8-b6de-8e2b7cb3d5b2';
const plain: SenderTag = { node, epoch: 1, number: 1, isBinary: false, isNative: false, exceptId: '' };

const idOfAnyShape = fc
  .string({ unit: 'binary', maxLength: 128 })
  .filter((id) => !/\p{Cs}/u.test(id) && Buffer.byteLength(id) <= 128);
const count = fc.integer({ min: 0, max: 999_999_999_999_999 });
const tag: fc.Arbitrary<SenderTag> = fc.record({
  node: fc.uuid(),
  epoch: count,
  number: count,
  isBinary: fc.boolean(),
  isNative: fc.boolean(),
  exceptId: idOfAnyShape,
});

describe('writing and reading', () => {
  test.each<[string, Partial<SenderTag>]>([
    [`neffos(0x${node}(1.1..))`, {}],
    [`neffos(0x${node}(2.30.b.))`, { epoch: 2, number: 30, isBinary: true }],
    [`neffos(0x${node}(1.1.n.))`, { isNative: true }],
    [`neffos(0x${node}(1.1.bn.616c696365))`, { isBinary: true, isNative: true, exceptId: 'alice' }],
    [`neffos(0x${node}(1.1..c3a9))`, { exceptId: 'é' }],
  ])('[EX6] [EX9] %s', (written, part) => {
    const of = { ...plain, ...part };
    expect(writeTag(of)).toBe(written);
    expect(readTag(written)).toEqual(of);
  });

  given.prop([tag])('[EX6] [EX9] what was written is read, and has nothing in it that ends a field', (of) => {
    const written = writeTag(of);
    expect(readTag(written)).toEqual(of);
    expect(isTag(written)).toBe(true);
    expect(written).not.toMatch(/[;!@]|[^ -~]/);
  });

  test('[EX6] an invalid id excludes no connection', () => {
    expect(readTag(writeTag({ ...plain, exceptId: 'x'.repeat(129) }))?.exceptId).toBe('');
    expect(readTag(writeTag({ ...plain, exceptId: 'é'.repeat(65) }))?.exceptId).toBe('');
    expect(readTag(writeTag({ ...plain, exceptId: 'x'.repeat(128) }))?.exceptId).toBe('x'.repeat(128));
  });
});

describe('telling apart', () => {
  test.each([
    'neffos(0x4da6a244-42fb-4ea8-b6de-8e2b7cb3d5b2(alice0xc000191a00))',
    'neffos(0x',
    'neffos(0x1(2))',
    `neffos(0x${node}(1.1..)) `,
    `neffos(0x${node}(1.1..))\n`,
    `neffos(0x${node}(1.1..)`,
    `neffos(0x${node}(1..1..))`,
    `neffos(0x${node}(-1.1..))`,
    `neffos(0x${node}(1e9.1..))`,
    `neffos(0x${node}(1.${'9'.repeat(16)}..))`,
    `neffos(0x${node}(1.1.nb.))`,
    `neffos(0x${node}(1.1.bb.))`,
    `neffos(0x${node}(1.1..6))`,
    `neffos(0x${node}(1.1..zz))`,
    `neffos(0x${node}(1.1..AB))`,
    `neffos(0x${node}(1.1..${'61'.repeat(129)}))`,
    `neffos(0x${node.toUpperCase()}(1.1..))`,
    `neffos(0x${node}0(1.1..))`,
  ])('[EX14] %s is a tag without meaning here', (wait) => {
    expect(isTag(wait)).toBe(true);
    expect(readTag(wait)).toBeUndefined();
  });

  test.each(['', '$1', 'neffos', 'neffos(', 'Neffos(0x1(2))', ' neffos(0x1(2))', 'kabc-node', 'k!!!abc', 'R17953'])(
    '[EX14] %j is no tag',
    (wait) => {
      expect([isTag(wait), readTag(wait)]).toEqual([false, undefined]);
    },
  );

  given.prop([fc.string({ unit: 'binary', maxLength: 300 })])('[EX14] any tag can be read without a throw', (rest) => {
    for (const wait of [rest, `neffos(0x${rest}`, `neffos(0x${node}(${rest}))`]) {
      const read = readTag(wait);
      if (read) expect(writeTag(read).length).toBeLessThanOrEqual(350);
    }
  });

  test('[EX14] a wait as long as a message is read in no time', () => {
    const begun = process.cpuUsage();
    for (const piece of ['6', '61', '1.', '(', ')', 'b', '-'])
      readTag(`neffos(0x${node}(1.1..${piece.repeat(500_000)}))`);
    // In µs of processor time: a busy machine makes any other time longer.
    expect(process.cpuUsage(begun).user).toBeLessThan(1_000_000);
  });
});
