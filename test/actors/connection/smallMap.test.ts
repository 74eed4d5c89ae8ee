import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SmallMap } from '../../../src/actors/connection/smallMap.js';

const steps = fc.array(
  fc.record({ kind: fc.constantFrom('set', 'delete'), name: fc.constantFrom('', 'a', 'b', 'c') }),
  { maxLength: 30 },
);

test('[NS7] the names of a connection are those of a map, in the same order', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const small = new SmallMap<object>();
      const map = new Map<string, object>();
      for (const { kind, name } of given) {
        const value = {};
        if (kind === 'set') small.set(name, value);
        else small.delete(name);
        if (kind === 'set') map.set(name, value);
        else map.delete(name);
        expect(small.size).toBe(map.size);
        expect([...small.keys()]).toEqual([...map.keys()]);
        expect([...small.values()].every((one, at) => one === [...map.values()][at])).toBe(true);
        expect([...small.entries()]).toEqual([...map.entries()]);
        for (const asked of ['', 'a', 'b', 'c']) {
          expect(small.get(asked)).toBe(map.get(asked));
          expect(small.has(asked)).toBe(map.has(asked));
        }
      }
    }),
  );
});
