import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { isAnswer, markToken, readForeignToken, TokenMaker, tokensOfAnswer } from '../../src/protocol/token.js';

const makeMaker = (): TokenMaker => new TokenMaker((pool) => crypto.getRandomValues(pool));

describe('tokens', () => {
  test('[AK1] a token is 96 random bits in base 36, a dash and the node', () => {
    const maker = makeMaker();
    expect(maker.nodeId).toMatch(/^[0-9a-z]{8}$/);
    for (let made = 0; made < 1_000; made++) {
      const [digits = '', node] = maker.make().split('-');
      expect(digits).toMatch(/^[0-9a-z]{20}$/);
      expect(node).toBe(maker.nodeId);
    }
  });

  test('[AK1] ten thousand tokens are unique, and have no $ or # in front and no ! or ; inside', () => {
    const maker = makeMaker();
    const tokens = Array.from({ length: 10_000 }, () => maker.make());
    expect(new Set(tokens).size).toBe(10_000);
    expect(tokens.filter((token) => !/^[0-9a-z]/.test(token) || /[!;]/.test(token))).toEqual([]);
  });

  test('[AK1] all 96 bits are used', () => {
    const maker = makeMaker();
    let ever = 0n;
    let always = (1n << 96n) - 1n;
    for (let made = 0; made < 500; made++) {
      const [digits = ''] = maker.make().split('-');
      const bits = [...digits].reduce((sum, digit) => sum * 36n + BigInt(Number.parseInt(digit, 36)), 0n);
      ever |= bits;
      always &= bits;
    }
    expect(ever).toBe((1n << 96n) - 1n);
    expect(always).toBe(0n);
  });

  test('[AK1] a node has a name of its own, of letters and digits', () => {
    const names = Array.from({ length: 1_000 }, () => makeMaker().nodeId);
    expect(new Set(names).size).toBe(1_000);
    expect(names.filter((name) => !/^[0-9a-z]{8}$/.test(name))).toEqual([]);
  });
});

describe('telling apart', () => {
  test.each(['$1', '$', '$1790000000000366750350', '$1234.5', ''])('[AK2] %j is no answer', (wait) => {
    expect(isAnswer(wait)).toBe(false);
  });

  test.each(['17953', 'R7953', '#x', '#', 'x!yz', 'neffos(0x1(2))', ' ', ' $1', makeMaker().make()])(
    '[AK2] %j claims to be an answer',
    (wait) => {
      expect(isAnswer(wait)).toBe(true);
    },
  );
});

describe('between servers', () => {
  /** What a server or client on the way does to a token. */
  const takeMarker = (token: string): string => (token[1] === '!' ? token.slice(0, 1) + token.slice(2) : token);

  test('[EX7] an ask is sent with three markers, and its answers have one at most', () => {
    expect(markToken('kabc-node')).toBe('k!!!abc-node');
    expect(tokensOfAnswer('kabc-node')).toEqual(['kabc-node', 'k!abc-node']);
  });

  test('[EX7] an answer is received if its server, its client, both or one more remove a marker', () => {
    const token = makeMaker().make();
    const hops = [markToken(token)];
    for (let hop = 0; hop < 3; hop++) hops.push(takeMarker(hops.at(-1) ?? ''));
    expect(hops.slice(2).toReversed()).toEqual(tokensOfAnswer(token));
    expect(tokensOfAnswer(token).map((one) => isAnswer(one))).toEqual([true, true]);
  });

  test.each(['k!abc-node', 'k!!abc-node', 'k!!!abc-node'])('[EX8] %s asks, and is answered as kabc-node', (wait) => {
    expect(readForeignToken(wait)).toEqual({ token: 'kabc-node', isMarked: true });
  });

  test('[EX8] a token marked by one server of Muster is read by another', () => {
    for (let made = 0; made < 1_000; made++) {
      const token = makeMaker().make();
      expect(readForeignToken(markToken(token))).toEqual({ token, isMarked: true });
    }
  });

  test.each(['R1', 'R17953443098', `R${'9'.repeat(30)}`])('[EX8] %s of an older server is used unchanged', (wait) => {
    expect(readForeignToken(wait)).toEqual({ token: wait, isMarked: false });
  });

  test.each([
    ...['', '$', '#', '!', '!!', '$1', '#1', '$!1', '#!1', '!k!abc', 'k', 'k!', 'k!!!', 'k!!!!abc', 'k!a!bc', 'kabc'],
    ...['kabc-node', 'R', 'Rx', 'R-1', 'R1-1', 'R 1', 'r1', 'R1\n', 'R1.', '1R', `R${'9'.repeat(31)}`, 'R١'],
    ...['P!.default.', 'P!default.', 'd!efault.x', 'k!a*', 'k!a>', 'k!a b', 'k!a\r\n', 'k!a\n', 'k!é', 'é!a', 'k!a_b'],
    ...[`k!${'a'.repeat(101)}`, '__proto__', 'neffos(0x1(2))', 'k!@%!semicolon@%!'],
  ])('[EX8] [EX13] %j is no token', (wait) => {
    expect(readForeignToken(wait)).toBeUndefined();
  });

  const piece = fc.constantFrom('!', '!!!', 'k', 'R', '1', '-', '.', '*', '>', '$', '#', ' ', '\r\n', '\0', 'ask', 'é');
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 120 }),
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
  );

  given.prop([hostile], { numRuns: 2_000 })(
    '[EX8] [EX13] of whatever is read, nothing is left that means anything to a broker or another ask',
    (wait) => {
      const read = readForeignToken(wait);
      if (!read) return;
      expect(read.token).toMatch(read.isMarked ? /^[0-9A-Za-z][0-9A-Za-z-]{1,100}$/ : /^R[0-9]{1,30}$/);
      expect(isAnswer(read.token)).toBe(true);
    },
  );
});
