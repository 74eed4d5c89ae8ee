// Finds Socket.IO and its Redis adapter, which have their own package.json.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('socketio/', import.meta.url);

/** The path of the Socket.IO system's program. */
export const socketioServer = fileURLToPath(new URL('server.js', folder));

/** @param {string} name */
const manifestOf = (name) => new URL(`node_modules/${name}/package.json`, folder);

const names = ['socket.io', '@socket.io/redis-adapter'];

/** Returns why Socket.IO cannot be measured here; `undefined` if it can. */
export const whyNoSocketio = () =>
  names.every((name) => existsSync(manifestOf(name)))
    ? undefined
    : 'Socket.IO is not installed (`npm run bench` and `npm run bench:install` do so)';

/** Returns the versions by name; empty if it is not installed. @returns {Readonly<Record<string, string>>} */
export const socketioVersions = () =>
  whyNoSocketio() === undefined
    ? Object.fromEntries(names.map((name) => [name, JSON.parse(readFileSync(manifestOf(name), 'utf8')).version]))
    : {};
