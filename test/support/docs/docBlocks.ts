import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const languages = ['js', 'ts', 'tsx'] as const;

/** A block of code on a page of the documentation. */
export interface Block {
  readonly name: string;
  readonly language: (typeof languages)[number];
  readonly code: string;
}

/** An error of the compiler in a block. */
export interface BlockError {
  readonly line: number;
  readonly text: string;
}

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));
/** A folder inside the package, so that blocks import it by name as a reader would. */
const folder = join(root, 'test', '.blocks', 'docs');
const compiler = join(root, 'node_modules/typescript/bin/tsc');

const commonFlags = '--ignoreConfig --strict --skipLibCheck --target es2023 --module nodenext --types node';
/** JavaScript blocks have inferred types only, so implicit any is allowed. */
const flagsFor = {
  js: `${commonFlags} --lib es2023,esnext.disposable --allowJs --checkJs --noImplicitAny false --noEmit`,
  ts: `${commonFlags} --lib es2023,esnext.disposable`,
  tsx: `${commonFlags.replace('--types node', '--types node,react')} --lib es2023,esnext.disposable,dom --jsx react-jsx`,
};

/** Returns the blocks of a page, in order; not those that begin with the name of a file, as they are parts of one program. */
export const blocksOf = (page: string, text: string): Block[] =>
  [...text.matchAll(/^```(js|tsx?)\n(?!\/\/ \w+\.js\n)(.*?)^```$/gms)].map(([, language, code = ''], at) => ({
    name: `${page}, block ${at + 1}`,
    language: languages.find((known) => known === language) ?? 'js',
    code,
  }));

/** Returns the blocks of a page that begin with the name of a file, by that name. */
export const filesOf = (text: string): ReadonlyMap<string, string> =>
  new Map(
    Array.from(text.matchAll(/^```js\n\/\/ (\w+\.js)\n(.*?)^```$/gms), ([, name = '', code = '']) => [name, code]),
  );

const fileOf = ({ name, language }: Block): string =>
  `${name.replaceAll(/\W+/g, '-')}.${language === 'tsx' ? 'tsx' : `m${language}`}`;

const programOf = ({ code }: Block): string =>
  `${code}${/\bconst server\b/.test(code) ? '\nawait server.close();' : ''}\nprocess.exit(0);\n`;

/** Returns the output of the compiler, whatever its exit code. */
const printed = (files: readonly string[], flags: string): Promise<string> =>
  run(process.execPath, [compiler, ...flags.split(' '), ...files], { cwd: folder }).then(
    ({ stdout }) => stdout,
    (error: { readonly stdout: string }) => error.stdout,
  );

/** Writes these blocks as programs and compiles them, one run per language. Returns the errors by name. */
export const compileBlocks = async (blocks: readonly Block[]): Promise<Map<string, BlockError[]>> => {
  mkdirSync(folder, { recursive: true });
  for (const block of blocks) writeFileSync(join(folder, fileOf(block)), programOf(block));
  const byFile = new Map(blocks.map((block) => [fileOf(block), block.name]));
  const errors = new Map<string, BlockError[]>(blocks.map(({ name }) => [name, []]));
  const compile = async (language: Block['language']): Promise<void> => {
    const files = blocks.filter((block) => block.language === language).map(fileOf);
    const lines = (await printed(files, flagsFor[language])).split('\n');
    // Continuation lines are indented.
    for (const printedLine of lines.filter((line) => /^\S/.test(line))) {
      const [, file = '', line, text] = /^(.+?)\((\d+),\d+\): error (.+)$/.exec(printedLine) ?? [];
      const about = errors.get(byFile.get(file) ?? '');
      if (!about || text === undefined) throw new Error(`unexpected output of the compiler: ${printedLine}`);
      about.push({ line: Number(line), text });
    }
  };
  await Promise.all(languages.map(compile));
  return errors;
};

/** Returns the brokers that a block imports. */
export const brokersOf = ({ code }: Block): string[] =>
  Array.from(code.matchAll(/from 'musterjs\/(redis|nats)'/g), ([, broker = '']) => broker);

/** Runs a compiled block; resolves with its stderr if it exits with 0. */
export const runBlock = async (block: Block, environment: NodeJS.ProcessEnv = {}): Promise<string> => {
  const file = join(
    folder,
    fileOf(block)
      .replace(/\.mts$/, '.mjs')
      .replace(/\.tsx$/, '.js'),
  );
  const env = { ...process.env, ...environment };
  return (await run(process.execPath, [file], { env, timeout: 15_000 })).stderr;
};

export const removeBlocks = (): void => rmSync(folder, { recursive: true, force: true });
