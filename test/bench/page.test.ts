import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { between, filled, image, lastChart, lastRun, measured, page } from '../../bench/document.js';
import { whole } from './sampleResults.js';

/** A function that is a statement of its own, its lines apart from how they are indented; its type is another matter. */
const functionIn = (text: string, name: string): string[] | undefined =>
  new RegExp(`^const ${name} = .*?^};$`, 'ms')
    .exec(text)?.[0]
    .split('\n')
    .map((line) => line.trim().replaceAll(/\s+/g, ' '));

describe('the page', () => {
  const text = readFileSync(page, 'utf8');

  test('is filled between its marks, again and again, and nowhere else', () => {
    const once = filled(text, measured(whole));
    expect(between(once)).toBe(measured(whole));
    expect(filled(once, between(text))).toBe(text);
    expect(() => filled('no marks', '')).toThrow('once, in this order');
    expect(() => filled(`${text}${text}`, '')).toThrow('once, in this order');
  });

  test('shows the last full run, or none', () => {
    if (!existsSync(lastRun)) return expect(between(text)).toBe('');
    expect(between(text)).toBe(measured(JSON.parse(readFileSync(lastRun, 'utf8'))));
    expect(readFileSync(image, 'utf8')).toBe(readFileSync(lastChart, 'utf8'));
  });

  test('is brought up to date only when asked to', async () => {
    const address = new URL('../../bench/document.js', import.meta.url).href;
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', `await import('${address}')`]);
    expect(readFileSync(page, 'utf8')).toBe(text);
  });

  test.each(['sendString', 'sendPrepared'])('shows the loop %s as it is measured', (name) => {
    const source = readFileSync(new URL('../../bench/systems/wsLoops.js', import.meta.url), 'utf8');
    const loop = functionIn(source, name);
    expect(loop?.join(' ')).toContain('for (const ws of members)');
    expect(functionIn(text, name)).toEqual(loop);
  });
});
