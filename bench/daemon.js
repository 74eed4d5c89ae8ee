// Starts a program that listens on a port of loopback.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * @typedef {object} Daemon
 * @property {import('node:child_process').ChildProcess} child
 * @property {Promise<void>} ready resolves when the program has printed its ready line; rejects if it ends before
 */

/** How much output an error quotes. */
const quotedOutput = 2_000;

/**
 * Returns a port that is free now. Another process may take it before the caller does.
 *
 * @returns {Promise<number>}
 */
export const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('expected a port');
  return address.port;
};

/**
 * Starts a program in this folder.
 *
 * @param {readonly [program: string, ...args: readonly string[]]} command
 * @param {string} folder
 * @param {RegExp} readyLine
 * @returns {Daemon}
 */
export const startDaemon = ([program, ...args], folder, readyLine) => {
  const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const ready = new Promise((resolve, reject) => {
    let output = '';
    const read = (/** @type {string} */ text) => {
      output += text;
      if (readyLine.test(output)) resolve(undefined);
      output = output.slice(-quotedOutput);
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code}: ${output}`)));
  });
  return { child, ready };
};
