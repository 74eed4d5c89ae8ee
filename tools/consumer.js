// Compiles programs that use the packed package, as its users do: each compiler, each way to resolve modules, and
// `skipLibCheck: false`, so that our declarations are checked as well.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { pack } from './pack.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const tools = join(root, 'tools');
const isVerbose = process.argv.includes('--verbose');

/** The oldest that is supported first. */
const compilers = [
  ...['typescript-5.4', 'typescript-5.9', 'typescript-6.0'].map((name) => join(tools, 'node_modules', name)),
  join(root, 'node_modules/typescript'),
];
const resolutions = /** @type {const} */ ({ node16: 'node16', nodenext: 'nodenext', bundler: 'esnext' });

/** @type {{ dependencies: Record<string, string>, peerDependencies: Record<string, string> }} */
const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/**
 * A project that has installed the package and these others. What the package needs and does not declare is not there.
 *
 * @param {string} folder
 * @param {readonly string[]} packages
 */
const install = async (folder, packages) => {
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'musterjs'), { recursive: true });
  await run('tar', ['-xzf', pack().file, '-C', join(modules, 'musterjs'), '--strip-components=1']);
  for (const name of packages) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(modules, name), 'junction');
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
  cpSync(join(tools, 'consumer'), folder, { recursive: true });
};

/**
 * @typedef {object} Program
 * @property {string} folder
 * @property {string} file
 * @property {keyof typeof resolutions} resolution
 * @property {readonly string[]} [flags]
 */

/**
 * Arguments of tsc for a program.
 *
 * @param {Program} program
 */
const optionsOf = ({ resolution, flags = [] }) => [
  ...['--noEmit', '--strict', '--noUncheckedIndexedAccess', '--pretty', 'false', '--skipDefaultLibCheck'],
  ...['--target', 'es2022', '--lib', 'es2023,esnext.disposable'],
  ...['--module', resolutions[resolution], '--moduleResolution', resolution],
  ...(flags.length > 0 ? flags : ['--skipLibCheck', 'false']),
];

/** @param {string} title @param {number} seconds */
const printTime = (title, seconds) => {
  if (isVerbose) console.log(`${seconds.toFixed(1)} s  ${title}`);
};

/** @param {string} compiler */
const versionOf = (compiler) => JSON.parse(readFileSync(join(compiler, 'package.json'), 'utf8')).version;

/** @param {string} version of the compiler @param {Program} program */
const titleOf = (version, { file, resolution, flags = [] }) =>
  [`${file} with TypeScript ${version}, moduleResolution ${resolution}`, ...flags].join(' ');

/**
 * Returns the errors of all programs by one compiler, whose API `tools/diagnose.js` uses.
 *
 * @param {string} compiler
 * @param {readonly Program[]} programs
 */
const errorsByApi = async (compiler, programs) => {
  const version = versionOf(compiler);
  const jobs = programs.map((program) => ({
    title: titleOf(version, program),
    folder: program.folder,
    file: program.file,
    options: optionsOf(program),
  }));
  const { stdout } = await run(process.execPath, [join(tools, 'diagnose.js'), compiler, JSON.stringify(jobs)]);
  /** @type {readonly { title: string, errors: string, seconds: number }[]} */
  const results = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  if (results.length !== jobs.length) throw new Error(`${results.length} of ${jobs.length} programs were checked`);
  for (const { title, seconds } of results) printTime(title, seconds);
  return results.flatMap(({ title, errors }) => (errors === '' ? [] : [`${title}:\n${errors}`]));
};

/**
 * The same by the command line, for a compiler without that API.
 *
 * @param {string} compiler
 * @param {readonly Program[]} programs
 */
const errorsByCommand = async (compiler, programs) => {
  /** @type {string[]} */
  const errors = [];
  const version = versionOf(compiler);
  for (const program of programs) {
    const began = performance.now();
    const title = titleOf(version, program);
    try {
      await run(process.execPath, [join(compiler, 'bin/tsc'), ...optionsOf(program), program.file], {
        cwd: program.folder,
      });
    } catch (error) {
      errors.push(`${title}:\n${error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)}`);
    }
    printTime(title, (performance.now() - began) / 1_000);
  }
  return errors;
};

/** What the outcome depends on. */
const digest = () => {
  const hash = createHash('sha256');
  const declarations = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.d.ts'))
    .map((name) => join('dist', name));
  const programs = readdirSync(join(tools, 'consumer')).map((name) => join('tools/consumer', name));
  const rest = [
    'package.json',
    'package-lock.json',
    'tools/package-lock.json',
    'tools/consumer.js',
    'tools/diagnose.js',
  ];
  for (const name of [...declarations, ...programs, ...rest].sort()) {
    hash.update(name).update(readFileSync(join(root, name)));
  }
  return hash.digest('hex');
};

/** Of the last run in which all was well. */
const mark = join(tools, 'node_modules', '.consumer');
if (!isVerbose && existsSync(mark) && readFileSync(mark, 'utf8') === digest()) {
  console.log('No declaration has changed since all programs that use the package have compiled');
  process.exit();
}

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'consumer-')));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

const [whole, bare] = [join(scratch, 'whole'), join(scratch, 'bare')];
await install(whole, [...Object.keys(dependencies), ...Object.keys(peerDependencies)]);
// Nothing optional: the server works, and its types do where libraries are not checked. What is Node's is `any` then.
await install(bare, Object.keys(dependencies));

const names = /** @type {(keyof typeof resolutions)[]} */ (Object.keys(resolutions));
/** @type {readonly Program[]} */
const programs = [
  ...names.map((resolution) => ({ folder: whole, file: 'all.ts', resolution })),
  {
    folder: bare,
    file: 'core.ts',
    resolution: 'nodenext',
    flags: ['--skipLibCheck', '--lib', 'es2023,esnext.disposable,dom'],
  },
];

const queue = [...compilers];
/** @type {string[]} */
const errors = [];
const work = async () => {
  for (let compiler = queue.shift(); compiler !== undefined; compiler = queue.shift()) {
    const hasApi = existsSync(join(compiler, 'lib/typescript.js'));
    errors.push(...(await (hasApi ? errorsByApi : errorsByCommand)(compiler, programs)));
  }
};
await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));
for (const error of errors) console.error(error);
const count = compilers.length * programs.length;
console.log(`${count - errors.length} of ${count} programs that use the package compile`);
if (errors.length > 0) process.exitCode = 1;
else writeFileSync(mark, digest());
