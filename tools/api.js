// Writes the public types of each entry of the package as text, or compares them with the text that is checked in.
// node tools/api.js [--write]
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';

const { values } = parseArgs({
  options: { write: { type: 'boolean', default: false } },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'api');
/** Declarations of the sources as they are now, with maps that lead back to them. */
const scratch = join(root, 'tools', '.types');
const reports = join(scratch, 'reports');

/** @type {{ exports: Record<string, string | { types: string }> }} */
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entries = Object.entries(manifest.exports).flatMap(([path, target]) =>
  typeof target === 'string'
    ? []
    : [
        {
          name: path === '.' ? 'index' : path.slice(2).replaceAll('/', '.'),
          types: target.types.replace('./dist', scratch),
        },
      ],
);

const none = { logLevel: ExtractorLogLevel.None };
const error = { logLevel: ExtractorLogLevel.Error };

const compilerOptions = {
  target: 'ES2023',
  lib: ['ES2023', 'ESNext.Disposable'],
  module: 'NodeNext',
  moduleResolution: 'NodeNext',
  strict: true,
  skipLibCheck: true,
  types: ['node'],
};

/** @param {{ name: string, types: string }} entry */
const configOf = ({ name, types }) =>
  ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, 'package.json'),
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: types,
      newlineKind: 'lf',
      compiler: { overrideTsconfig: { compilerOptions, files: [types] } },
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: reports,
        reportTempFolder: join(scratch, 'temporary'),
        // A type that is part of a signature is public, whether or not it has an exported name.
        includeForgottenExports: true,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: error },
        extractorMessageReporting: {
          default: none,
          'ae-undocumented': error,
          'ae-wrong-input-file-type': error,
        },
        tsdocMessageReporting: { default: none },
      },
    },
  });

/** @param {string} before @param {string} after */
const diff = (before, after) => {
  try {
    const flags = ['--no-index', '--no-color', '--no-prefix', '-U2'];
    const files = [relative(root, before), relative(root, after)];
    return execFileSync('git', ['diff', ...flags, '--', ...files], { cwd: root, encoding: 'utf8' });
  } catch (failure) {
    // git ends with 1 when the files differ.
    return failure instanceof Error && 'stdout' in failure ? String(failure.stdout) : String(failure);
  }
};

/** Each declaration of a report, with the comment above it. @param {string} report */
const declarationsOf = (report) => report.split(/\n\n(?=\/\/ @)/);
/** @param {string} declaration */
const unexported = (declaration) => declaration.replace(/^export /m, '');

/** @type {Set<string>} */
const findings = new Set();

/** @param {{ name: string, types: string }} entry */
const reportOf = (entry) => {
  const config = configOf(entry);
  Extractor.invoke(config, {
    localBuild: true,
    messageCallback(message) {
      message.handled = true;
      if (message.logLevel === ExtractorLogLevel.Error) findings.add(message.formatMessageWithLocation(root));
    },
  });
  return readFileSync(config.reportFilePath, 'utf8');
};

let isChanged = false;

/** @param {string} name @param {string} report */
const compare = (name, report) => {
  const [checkedIn, found] = [join(folder, name), join(reports, name)];
  if (existsSync(checkedIn) && readFileSync(checkedIn, 'utf8') === report) return;
  isChanged = true;
  writeFileSync(found, report);
  if (values.write) {
    writeFileSync(checkedIn, report);
    console.log(`api/${name} is written`);
  } else if (existsSync(checkedIn)) {
    console.error(`api/${name} differs from the sources:\n${diff(checkedIn, found)}`);
  } else {
    console.error(`api/${name} is missing`);
  }
};

rmSync(scratch, { recursive: true, force: true });
mkdirSync(reports, { recursive: true });
mkdirSync(folder, { recursive: true });
try {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const flags = ['--outDir', scratch, '--emitDeclarationOnly', '--declarationMap'];
  execFileSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json'), ...flags], { stdio: 'inherit' });

  const found = entries.map((entry) => ({
    name: `${entry.name}.api.md`,
    declarations: declarationsOf(reportOf(entry)),
  }));
  const ofIndex = new Set(found[0]?.declarations.map(unexported));
  for (const [at, { name, declarations }] of found.entries()) {
    // What the index has is not told again where another entry refers to it.
    const own = at === 0 ? declarations : declarations.filter((one) => !ofIndex.has(unexported(one)));
    compare(name, own.join('\n\n'));
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

for (const finding of [...findings].sort()) console.error(finding);
if (findings.size > 0) console.error(`${findings.size} findings in the public types`);
if (isChanged && !values.write) console.error('If this change of the public types is meant: npm run api');
process.exitCode = findings.size > 0 || (isChanged && !values.write) ? 1 : 0;
