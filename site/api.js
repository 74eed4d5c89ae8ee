// Writes the reference of every public type and function from the declarations that users get.
import { join } from 'node:path';
import { Application } from 'typedoc';
import { entries } from './pages.js';

/**
 * Writes the reference as Markdown.
 *
 * @param {string} root of the repository, built
 * @param {string} out
 */
export const writeReference = async (root, out) => {
  const app = await Application.bootstrapWithPlugins(
    /** @type {import('typedoc').TypeDocOptions} */ ({
      plugin: ['typedoc-plugin-markdown'],
      entryPoints: [...entries.keys()].map((entry) => join(root, 'dist', `${entry}.d.ts`)),
      tsconfig: join(root, 'site/tsconfig.api.json'),
      outputs: [{ name: 'markdown', path: out }],
      skipErrorChecking: true,
      readme: 'none',
      disableSources: true,
      excludePrivate: true,
      excludeInternal: true,
      logLevel: 'Error',
      name: 'Every type and function',
      entryFileName: 'index',
      router: 'module',
      hidePageHeader: true,
      useCodeBlocks: true,
      useHTMLAnchors: true,
      parametersFormat: 'table',
      propertiesFormat: 'list',
    }),
  );
  const project = await app.convert();
  if (!project) throw new Error('the declarations cannot be read');
  for (const module of project.children ?? []) module.name = entries.get(module.name) ?? module.name;
  await app.generateOutputs(project);
};
