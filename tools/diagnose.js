// Type-checks programs with one compiler, through its API, in one process: node tools/diagnose.js COMPILER JOBS
// It asks for the errors of each program and of the package's own declarations only. The declarations of other packages
// are checked as far as those use them, which halves the time.
import { createRequire } from 'node:module';
import { join } from 'node:path';

/**
 * @typedef {object} Job
 * @property {string} title
 * @property {string} folder the project
 * @property {string} file the program, in that folder
 * @property {readonly string[]} options of the command line of tsc
 */

const [, , compiler = '', jobs = '[]'] = process.argv;
/** @type {typeof import('typescript-6.0')} */
const ts = createRequire(import.meta.url)(join(compiler, 'lib/typescript.js'));

/** Whether a file belongs to the project or to the package, and to no other package. @param {string} path */
const isOurs = (path) => {
  const [, name = 'musterjs'] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
  return name === 'musterjs';
};

/** @param {Job} job */
const errorsOf = ({ folder, file, options: args }) => {
  process.chdir(folder);
  const { options, errors } = ts.parseCommandLine(args);
  const host = ts.createCompilerHost(options);
  const program = ts.createProgram([join(folder, file)], options, host);
  const files = program.getSourceFiles().filter(({ fileName }) => isOurs(fileName));
  const declarations = files.filter(({ isDeclarationFile }) => isDeclarationFile);
  // A package that is not found would leave nothing to check.
  if (declarations.length === 0) throw new Error(`${file} imports no declarations of the package`);
  const all = [
    ...errors,
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...files.flatMap((one) => [...program.getSyntacticDiagnostics(one), ...program.getSemanticDiagnostics(one)]),
  ];
  return ts.formatDiagnostics(all, host);
};

for (const job of /** @type {readonly Job[]} */ (JSON.parse(jobs))) {
  const began = performance.now();
  const errors = errorsOf(job);
  console.log(JSON.stringify({ title: job.title, errors, seconds: (performance.now() - began) / 1_000 }));
}
