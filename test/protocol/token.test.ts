import { describe, expect, test } from 'vitest';
import { isAnswer, makeNodeId, makeToken } from '../../src/protocol/token.js';

describe('tokens', () => {
  test('[AK1] a token is 96 random bits in base 36, a dash and the node', () => {
    for (let made = 0; made < 1_000; made++) expect(makeToken('node')).toMatch(/^[0-9a-z]{20}-node$/);
  });

  test('[AK1] of ten thousand no two are alike, and none begins with $ or #, or has ! or ; in it', () => {
    const tokens = Array.from({ length: 10_000 }, () => makeToken('n1'));
    expect(new Set(tokens).size).toBe(10_000);
    expect(tokens.filter((token) => !/^[0-9a-z]/.test(token) || /[!;]/.test(token))).toEqual([]);
  });

  test('[AK1] all 96 bits are used', () => {
    let ever = 0n;
    let always = (1n << 96n) - 1n;
    for (let made = 0; made < 500; made++) {
      const [digits = ''] = makeToken('n').split('-');
      const bits = [...digits].reduce((sum, digit) => sum * 36n + BigInt(Number.parseInt(digit, 36)), 0n);
      ever |= bits;
      always &= bits;
    }
    expect(ever).toBe((1n << 96n) - 1n);
    expect(always).toBe(0n);
  });

  test('[AK1] a node has a name of its own, of letters and digits', () => {
    const names = Array.from({ length: 1_000 }, makeNodeId);
    expect(new Set(names).size).toBe(1_000);
    expect(names.filter((name) => !/^[0-9a-z]{8}$/.test(name))).toEqual([]);
  });
});

describe('telling apart', () => {
  test.each(['$1', '$', '$1790000000000366750350', '$1234.5', ''])('[AK2] %j is no answer', (wait) => {
    expect(isAnswer(wait)).toBe(false);
  });

  test.each(['17953', 'R7953', '#x', '#', 'x!yz', 'neffos(0x1(2))', ' ', ' $1', makeToken('n')])(
    '[AK2] %j claims to be an answer',
    (wait) => {
      expect(isAnswer(wait)).toBe(true);
    },
  );
});
