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
 * @property {string} compiler
 * @property {keyof typeof resolutions} resolution
 * @property {readonly string[]} [flags]
 */

/** Packages whose own declarations a compiler refuses. That is not for us to mend. @type {Map<string, Set<string>>} */
const foreign = new Map();

/**
 * Of what a compiler says, what is about the program or about our declarations.
 *
 * @param {string} said
 * @param {string} version of the compiler
 */
const ours = (said, version) =>
  // A line that goes on with the one before is indented.
  said.split(/\n(?=\S)/).filter((complaint) => {
    const [, name = 'musterjs'] = /^[^(]*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(complaint) ?? [];
    if (name !== 'musterjs') foreign.set(name, (foreign.get(name) ?? new Set()).add(version));
    return name === 'musterjs' && complaint.trim() !== '';
  });

/** What the compiler says against a program; nothing if all is well. @param {Program} program */
const complaintOf = async ({ folder, file, compiler, resolution, flags = [] }) => {
  const { version } = JSON.parse(readFileSync(join(compiler, 'package.json'), 'utf8'));
  const title = `${file} with TypeScript ${version}, moduleResolution ${resolution} ${flags.join(' ')}`;
  const usual = ['--noEmit', '--strict', '--noUncheckedIndexedAccess', '--pretty', 'false', '--skipDefaultLibCheck'];
  const libraries = ['--target', 'es2022', '--lib', 'es2023,esnext.disposable'];
  const modules = ['--module', resolutions[resolution], '--moduleResolution', resolution];
  const options = [...usual, ...libraries, ...modules, ...(flags.length > 0 ? flags : ['--skipLibCheck', 'false'])];
  const began = performance.now();
  try {
    await run(process.execPath, [join(compiler, 'bin/tsc'), ...options, file], { cwd: folder });
    return [];
  } catch (error) {
    const said = error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error);
    const complaints = ours(said, version);
    return complaints.length > 0 ? [`${title}:\n${complaints.join('\n')}`] : [];
  } finally {
    if (isVerbose) console.log(`${((performance.now() - began) / 1_000).toFixed(1)} s  ${title}`);
  }
};

/** What the outcome depends on. */
const digest = () => {
  const hash = createHash('sha256');
  const declarations = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.d.ts'))
    .map((name) => join('dist', name));
  const programs = readdirSync(join(tools, 'consumer')).map((name) => join('tools/consumer', name));
  const rest = ['package.json', 'package-lock.json', 'tools/package-lock.json', 'tools/consumer.js'];
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
/** @type {Program[]} */
const programs = [
  ...compilers.flatMap((compiler) =>
    names.map((resolution) => ({ folder: whole, file: 'all.ts', compiler, resolution })),
  ),
  ...compilers.map((compiler) => ({
    folder: bare,
    file: 'core.ts',
    compiler,
    resolution: /** @type {const} */ ('nodenext'),
    flags: ['--skipLibCheck', '--lib', 'es2023,esnext.disposable,dom'],
  })),
];

/** @type {string[]} */
const complaints = [];
const work = async () => {
  for (let next = programs.shift(); next; next = programs.shift()) complaints.push(...(await complaintOf(next)));
};
const count = programs.length;
await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));
for (const complaint of complaints) console.error(complaint);
for (const [name, versions] of foreign) {
  console.log(`(the declarations of ${name} are refused by TypeScript ${[...versions].sort().join(', ')})`);
}
console.log(`${count - complaints.length} of ${count} programs that use the package compile`);
if (complaints.length > 0) process.exitCode = 1;
else writeFileSync(mark, digest());
