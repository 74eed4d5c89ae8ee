// Socket.IO and its Redis adapter have a package.json of their own: their versions, and why they are missing.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('socketio/', import.meta.url);

/** The program of the Socket.IO system. */
export const socketioServer = fileURLToPath(new URL('server.js', folder));

/** @param {string} name */
const manifestOf = (name) => new URL(`node_modules/${name}/package.json`, folder);

const names = ['socket.io', '@socket.io/redis-adapter'];

/** Why Socket.IO cannot be measured here; nothing if it can. */
export const whyNoSocketio = () =>
  names.every((name) => existsSync(manifestOf(name)))
    ? undefined
    : 'Socket.IO is not installed (`npm run bench` and `npm run bench:install` do so)';

/** @returns {Readonly<Record<string, string>>} by name; empty where it is not installed */
export const socketioVersions = () =>
  whyNoSocketio() === undefined
    ? Object.fromEntries(names.map((name) => [name, JSON.parse(readFileSync(manifestOf(name), 'utf8')).version]))
    : {};
