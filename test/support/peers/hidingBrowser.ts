import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

/** A tab of a browser. */
export interface Tab {
  /** Returns the value of an expression in its page. A promise is awaited. */
  evaluate(expression: string): Promise<unknown>;
  /** Shows this tab, and so hides all others. */
  show(): Promise<void>;
  /** Freezes the page, as a browser does with a hidden one to save power, or lets it run again. */
  setFrozen(isFrozen: boolean): Promise<void>;
  /** What was logged as an error, and every uncaught one. */
  readonly complaints: readonly string[];
}

/** A browser that hides, throttles and freezes its tabs as on a desk. The one that other tests use shows all of them. */
export interface HidingBrowser {
  open(url: string): Promise<Tab>;
  /** The ids of the processes that run pages, the busiest first. */
  renderers(): Promise<readonly number[]>;
  close(): Promise<void>;
}

/** Arguments that a browser for tests needs here, and the full throttle of a hidden page after one second. */
const args = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--remote-debugging-port=0',
  '--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/1',
];

/** What the browser sends: the result of a command, or an event. */
interface Received {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly error?: { readonly message: string };
  readonly result?: Readonly<Record<string, unknown>>;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** Starts a browser. */
export const startHidingBrowser = async (executablePath: string): Promise<HidingBrowser> => {
  const profile = await mkdtemp(join(tmpdir(), 'hiding-browser-'));
  const child = spawn(executablePath, [...args, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(child.stderr).on('line', (line) => {
      const [address] = /ws:\/\/\S+/.exec(line) ?? [];
      if (address) resolve(address);
    });
    child.once('exit', () => reject(new Error('the browser has ended')));
  });
  const ws = new WebSocket(url);
  await once(ws, 'open');
  const waiting = new Map<number, (received: Received) => void>();
  const complaintsOf = new Map<string, string[]>();
  let commands = 0;

  ws.on('message', (data) => {
    // The protocol of the browser says so.
    const received = JSON.parse(String(data)) as Received;
    const { id, sessionId = '', method = '', params } = received;
    if (id !== undefined) waiting.get(id)?.(received);
    const isComplaint =
      method === 'Runtime.exceptionThrown' ||
      (method === 'Runtime.consoleAPICalled' && params?.['type'] === 'error') ||
      (method === 'Log.entryAdded' && JSON.stringify(params).includes('"level":"error"'));
    if (isComplaint) complaintsOf.get(sessionId)?.push(JSON.stringify(params));
  });
  const send = async (method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> => {
    const id = ++commands;
    const answer = new Promise<Received>((resolve) => waiting.set(id, resolve));
    ws.send(JSON.stringify({ id, method, params, sessionId }));
    const { result = {}, error } = await answer;
    waiting.delete(id);
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  };

  return {
    async open(address) {
      const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
      const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
      const session = String(sessionId);
      const complaints: string[] = [];
      complaintsOf.set(session, complaints);
      await send('Runtime.enable', {}, session);
      await send('Log.enable', {}, session);
      await send('Page.navigate', { url: address }, session);
      return {
        complaints,
        async evaluate(expression) {
          const options = { expression, awaitPromise: true, returnByValue: true };
          const { result, exceptionDetails } = await send('Runtime.evaluate', options, session);
          if (exceptionDetails) throw new Error(JSON.stringify(exceptionDetails));
          // The protocol of the browser says so.
          return (result as { readonly value?: unknown }).value;
        },
        async show() {
          await send('Target.activateTarget', { targetId });
        },
        async setFrozen(isFrozen) {
          await send('Page.setWebLifecycleState', { state: isFrozen ? 'frozen' : 'active' }, session);
        },
      };
    },
    async renderers() {
      const { processInfo } = await send('SystemInfo.getProcessInfo');
      // The protocol of the browser says so.
      const processes = processInfo as { readonly type: string; readonly id: number; readonly cpuTime: number }[];
      return processes
        .filter(({ type }) => type === 'renderer')
        .sort((one, other) => other.cpuTime - one.cpuTime)
        .map(({ id }) => id);
    },
    async close() {
      const exited = once(child, 'exit');
      await send('Browser.close');
      await exited;
      ws.terminate();
      await rm(profile, { recursive: true, force: true, maxRetries: 3 });
    },
  };
};
