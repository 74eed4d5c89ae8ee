import { play } from './steps.js';

/** The steps as a program, which ends by itself. Arguments: the URL of the server, and `ws` to take the WebSocket from it. */

const [url = '', from = 'global'] = process.argv.slice(2);
const brought = from === 'ws' ? { WebSocket: (await import('ws')).WebSocket } : {};
await play(url, brought, (line) => console.log(line));
