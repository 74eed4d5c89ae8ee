import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** Every source file that the client imports when it runs, with its text. */
const filesOf = (entry: string): Map<string, string> => {
  const found = new Map<string, string>();
  const visit = (path: string): void => {
    if (found.has(path)) return;
    const text = readFileSync(path, 'utf8');
    found.set(path, text);
    for (const [, from = ''] of text.matchAll(/^(?:import|export)\s(?!type\s)[^;]*?from\s+'([^']+)'/gm)) {
      if (!from.startsWith('.')) throw new Error(`${path} imports ${from}`);
      visit(join(dirname(path), from.replace(/\.js$/, '.ts')));
    }
  };
  visit(fileURLToPath(new URL(entry, import.meta.url)));
  return found;
};

test('[CL23] the client imports no package, and names nothing of Node', () => {
  const files = filesOf('../../src/client/client.ts');
  expect(files.size).toBeGreaterThan(20);
  const code = (text: string): string => text.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
  const wrong = [...files].filter(([, text]) => /\b(?:Buffer|process|require)\s*[.(]|\bnode:/.test(code(text)));
  expect(wrong.map(([path]) => path)).toEqual([]);
});
