import { play } from './steps.js';

/** The steps in a worker of a page. Each line is a message to the page. */

/**
 * @typedef {object} WorkerScope
 * @property {{ readonly href: string }} location
 * @property {(message: unknown) => void} postMessage
 * @property {() => void} close
 */

// Every worker of a page has these.
const scope = /** @type {WorkerScope} */ (/** @type {unknown} */ (globalThis));

await play(new URL(scope.location.href).searchParams.get('server') ?? '', {}, (line) => scope.postMessage(line));
scope.postMessage('end');
scope.close();
