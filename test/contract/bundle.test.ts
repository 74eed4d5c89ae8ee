import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, test } from 'vitest';

const source = (name: string): string => fileURLToPath(new URL(`../../src/contract/${name}`, import.meta.url));

const bundle = async (entry: string) => {
  const { outputFiles, metafile } = await build({
    entryPoints: [source(entry)],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    metafile: true,
  });
  const [file] = outputFiles;
  if (!file) throw new Error('nothing was built');
  return { size: gzipSync(file.contents, { level: 9 }).length, inputs: Object.keys(metafile.inputs) };
};

describe('the bundle for a browser', () => {
  test('[CT1] a contract takes at most 1 KiB without the library of its schemas', async () => {
    const { size, inputs } = await bundle('contract.ts');
    expect(size).toBeLessThanOrEqual(1_024);
    expect(inputs.filter((path) => !/src\/(?:contract|protocol)\//.test(path))).toEqual([]);
  });

  test('[CT4] the codec takes at most 700 bytes', async () => {
    expect((await bundle('schema.ts')).size).toBeLessThanOrEqual(700);
  });
});
