import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { type Handler, type Middleware, namespace, Refusal, reply, type Use } from '../../src/index.js';
import { SupervisorHarness } from '../support/server/supervisorHarness.js';

/** What one middleware of a random onion does. */
interface Layer {
  readonly isLate: boolean;
  /** In place of `next()`, or after it. */
  readonly does: 'passOn' | 'returnNothing' | 'stop' | 'answer' | 'refuse' | 'replace' | 'failAfter' | 'catch';
  readonly place: 'server' | 'namespace';
}
type Ends = 'answers' | 'refuses' | 'says nothing';

const layers: fc.Arbitrary<readonly Layer[]> = fc.array(
  fc.record({
    isLate: fc.boolean(),
    does: fc.constantFrom(
      ...(['passOn', 'passOn', 'passOn', 'returnNothing', 'returnNothing'] as const),
      ...(['stop', 'answer', 'refuse', 'replace', 'failAfter', 'catch'] as const),
    ),
    place: fc.constantFrom('server', 'namespace'),
  }),
  { maxLength: 6 },
);
const inner = fc.record({
  isLate: fc.boolean(),
  ends: fc.constantFrom<Ends>('answers', 'refuses', 'says nothing'),
});

const name = ({ does, place }: Layer, at: number): string => `${place}${at} ${does}`;

/** The middleware of a layer. */
const made = (layer: Layer, at: number, log: string[]): Middleware => {
  const its = name(layer, at);
  const out = (how: string): void => void log.push(`${its} ${how}`);
  const { does } = layer;
  if (!layer.isLate)
    return (_ns, _message, next) => {
      out('in');
      if (does === 'stop') return undefined;
      if (does === 'answer') return reply(its);
      if (does === 'refuse') throw new Refusal(its);
      if (does === 'catch') {
        // It catches what is thrown at once; what rejects passes by.
        try {
          return next();
        } catch {
          out('caught');
          return reply(its);
        }
      }
      const result = next();
      out('out');
      if (does === 'replace') return reply(its);
      if (does === 'failAfter') throw new Refusal(its);
      return does === 'passOn' ? result : undefined;
    };
  return async (_ns, _message, next) => {
    out('in');
    await undefined;
    if (does === 'stop') return undefined;
    if (does === 'answer') return reply(its);
    if (does === 'refuse') throw new Refusal(its);
    let result: unknown;
    try {
      result = await next();
    } catch (error) {
      if (does !== 'catch') throw error;
      out('caught');
      return reply(its);
    }
    if (does === 'catch') return result;
    out('out');
    if (does === 'replace') return reply(its);
    if (does === 'failAfter') throw new Refusal(its);
    return does === 'passOn' ? result : undefined;
  };
};

/** What becomes of a message, as a reader of the rules would work it out. */
interface Fate {
  readonly log: readonly string[];
  readonly end: { readonly kind: 'text' | 'error' | 'nothing'; readonly text: string };
  readonly isLate: boolean;
}

const ended = (kind: Fate['end']['kind'], text = ''): Fate['end'] => ({ kind, text });

const fateOf = (
  [layer, ...rest]: readonly Layer[],
  handler: { readonly isLate: boolean; readonly ends: Ends },
  at = 0,
): Fate => {
  if (!layer) {
    const end = { answers: ended('text', 'done'), refuses: ended('error', 'no'), 'says nothing': ended('nothing') };
    return { log: ['handler'], end: end[handler.ends], isLate: handler.isLate };
  }
  const its = name(layer, at);
  const { does, isLate } = layer;
  const into = [`${its} in`];
  if (does === 'stop') return { log: into, end: ended('error', 'dropped'), isLate };
  if (does === 'answer') return { log: into, end: ended('text', its), isLate };
  if (does === 'refuse') return { log: into, end: ended('error', its), isLate };
  const inside = fateOf(rest, handler, at + 1);
  // A stopped message is no error for those outside of it: it is a result that they pass on.
  const isThrown = inside.end.kind === 'error' && inside.end.text !== 'dropped';
  const isSeen = isThrown && (isLate || !inside.isLate);
  const late = isLate || inside.isLate;
  if (does === 'catch') {
    return isSeen
      ? { log: [...into, ...inside.log, `${its} caught`], end: ended('text', its), isLate }
      : { log: [...into, ...inside.log], end: inside.end, isLate: late };
  }
  if (isSeen) return { log: [...into, ...inside.log], end: inside.end, isLate: late };
  const isReplaced = does === 'replace' || does === 'failAfter';
  return {
    log: [...into, ...inside.log, `${its} out`],
    end: does === 'replace' ? ended('text', its) : does === 'failAfter' ? ended('error', its) : inside.end,
    isLate: isReplaced ? isLate : late,
  };
};

const framesOf = ({ kind, text }: Fate['end']): string[] =>
  kind === 'nothing' ? [] : [`t $1;n;;say;${kind === 'error' ? 1 : 0};0;${text}`];

describe('a random onion', () => {
  test.prop([layers, inner])(
    '[MW1] [MW3] [MW4] does what a naive reading of the rules says',
    async (given, handler) => {
      const log: string[] = [];
      // That of the server is outside.
      const order = [
        ...given.filter(({ place }) => place === 'server'),
        ...given.filter(({ place }) => place !== 'server'),
      ];
      const use = order.map((layer, at): readonly [Layer['place'], Use] => [layer.place, made(layer, at, log)]);
      const of = (place: Layer['place']): Use[] => use.filter(([where]) => where === place).map(([, one]) => one);
      const end = (): ReturnType<Handler> => {
        log.push('handler');
        if (handler.ends === 'refuses') throw new Refusal('no');
        return handler.ends === 'answers' ? reply('done') : undefined;
      };
      const say: Handler = handler.isLate
        ? async () => {
            await undefined;
            return end();
          }
        : end;
      const harness = new SupervisorHarness({
        use: of('server'),
        namespaces: { n: namespace({ use: of('namespace') }, { say }) },
      });
      const { socket } = harness.open('ann', 'n');
      socket.receive('$1;n;;say;0;0;');
      const fate = fateOf(order, handler);
      // A synchronous onion has answered before `receive` returns: there is no promise.
      if (!fate.isLate) expect(socket.lines).toEqual(framesOf(fate.end));
      await harness.settle();
      expect(socket.lines).toEqual(framesOf(fate.end));
      expect([...log].sort()).toEqual([...fate.log].sort());
      // Where a synchronous middleware is around a late one, it is out before that has run.
      const isMixed = order.some(({ isLate }, at) => !isLate && fateOf(order.slice(at + 1), handler).isLate);
      if (!isMixed) expect(log).toEqual(fate.log);
      await harness.disconnectAll();
      expect(harness.resources['timers']).toBe(0);
    },
  );
});
