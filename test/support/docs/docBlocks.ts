import { execFile } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const languages = ['js', 'ts'] as const;

/** A block of code on a page of the documentation. */
export interface Block {
  readonly name: string;
  readonly language: (typeof languages)[number];
  readonly code: string;
}

/** What the compiler says against a block. */
export interface Complaint {
  readonly line: number;
  readonly text: string;
}

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));
/** Inside the package, so that the blocks import it by its name as a reader would. */
const folder = join(root, 'test', '.blocks');
const compiler = join(root, 'node_modules/typescript/bin/tsc');

const strictly = '--ignoreConfig --strict --skipLibCheck --target es2023 --module nodenext --types node';
/** JavaScript cannot say its types: so it has them from where it is used, and members are checked against those. */
const flagsFor = {
  js: `${strictly} --lib es2023,esnext.disposable --allowJs --checkJs --noImplicitAny false --noEmit`,
  ts: `${strictly} --lib es2023,esnext.disposable`,
};

/** The blocks of a page, in order. */
export const blocksOf = (page: string, text: string): Block[] =>
  [...text.matchAll(/^```(js|ts)\n(.*?)^```$/gms)].map(([, language, code = ''], at) => ({
    name: `${page}, block ${at + 1}`,
    language: language === 'ts' ? 'ts' : 'js',
    code,
  }));

const fileOf = ({ name, language }: Block): string => `${name.replaceAll(/\W+/g, '-')}.m${language}`;

const programOf = ({ code }: Block): string =>
  `${code}${/\bconst server\b/.test(code) ? '\nawait server.close();' : ''}\nprocess.exit(0);\n`;

/** What the compiler prints, or would print beside its exit code. */
const printed = (files: readonly string[], flags: string): Promise<string> =>
  run(process.execPath, [compiler, ...flags.split(' '), ...files], { cwd: folder }).then(
    ({ stdout }) => stdout,
    (error: { readonly stdout: string }) => error.stdout,
  );

/** Writes these blocks as programs and compiles them, those of a language in one go; tells the complaints by name. */
export const compileBlocks = async (blocks: readonly Block[]): Promise<Map<string, Complaint[]>> => {
  mkdirSync(folder, { recursive: true });
  for (const block of blocks) writeFileSync(join(folder, fileOf(block)), programOf(block));
  const byFile = new Map(blocks.map((block) => [fileOf(block), block.name]));
  const complaints = new Map<string, Complaint[]>(blocks.map(({ name }) => [name, []]));
  const compile = async (language: Block['language']): Promise<void> => {
    const files = blocks.filter((block) => block.language === language).map(fileOf);
    const lines = (await printed(files, flagsFor[language])).split('\n');
    // A line that goes on with the one before is indented.
    for (const said of lines.filter((line) => /^\S/.test(line))) {
      const [, file = '', line, text] = /^(.+?)\((\d+),\d+\): error (.+)$/.exec(said) ?? [];
      const about = complaints.get(byFile.get(file) ?? '');
      if (!about || text === undefined) throw new Error(`the compiler says: ${said}`);
      about.push({ line: Number(line), text });
    }
  };
  await Promise.all(languages.map(compile));
  return complaints;
};

/** The brokers that a block needs, by the names under which it imports them. */
export const brokersOf = ({ code }: Block): string[] =>
  Array.from(code.matchAll(/from 'musterjs\/(redis|nats)'/g), ([, broker = '']) => broker);

/** Runs a block that has been compiled; resolves with what it says on stderr when it has ended well. */
export const runBlock = async (block: Block, environment: NodeJS.ProcessEnv = {}): Promise<string> => {
  const file = join(folder, fileOf(block).replace(/\.mts$/, '.mjs'));
  const env = { ...process.env, ...environment };
  return (await run(process.execPath, [file], { env, timeout: 15_000 })).stderr;
};

export const removeBlocks = (): void => rmSync(folder, { recursive: true, force: true });
