import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import type { TestServer } from '../server/testServer.js';

/** A command to the process of the clients. Groups have names. */
export type GroupCommand =
  | { readonly command: 'dial'; readonly group: string; readonly port: number; readonly count: number }
  | { readonly command: 'stall' | 'resume' | 'report'; readonly group: string };

/** The state of one client: the number of its last message, and whether none was missing before it. */
interface ClientReport {
  readonly last: number;
  readonly isInOrder: boolean;
  readonly hasEnded: boolean;
  readonly pings: number;
}

/** Time from `broadcast` to the client, in ms. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface GroupReport {
  readonly clients: readonly ClientReport[];
  readonly latency: Latency;
}

/** An event of the process of the clients. */
export type GroupEvent =
  | { readonly event: 'ready' | 'ended'; readonly group: string }
  | { readonly event: 'received'; readonly group: string; readonly number: number }
  | ({ readonly event: 'report'; readonly group: string } & GroupReport);

const program = fileURLToPath(new URL('./clientGroupsProcess.js', import.meta.url));
const running: ChildProcess[] = [];
/** Time to wait for an event, in ms. */
const timeout = 120_000;

/** Ends the processes that a test has started. */
export const useClientGroups = (): void => {
  afterEach(async () => {
    await Promise.all(
      running.splice(0).map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const over = once(child, 'exit');
        child.kill('SIGKILL');
        await over;
      }),
    );
  });
};

/** Groups of clients in a process of their own. */
export class ClientGroups {
  readonly #child: ChildProcess;
  readonly #lastReceived = new Map<string, number>();
  readonly #ended = new Set<string>();
  readonly #listeners = new Set<(event: GroupEvent) => void>();

  constructor(private readonly testServer: TestServer) {
    this.#child = fork(program, { execArgv: [] });
    running.push(this.#child);
    // Only the process writes to this channel.
    this.#child.on('message', (event: GroupEvent) => this.#onEvent(event));
  }

  /** Connects this many clients, `<group>-<n>`, to the namespace `default`. */
  async dial(group: string, count: number): Promise<void> {
    const ready = this.#next('ready', group);
    this.#send({ command: 'dial', group, port: Number(new URL(this.testServer.url).port), count });
    await ready;
  }

  /** Stops the group from reading. */
  stall(group: string): void {
    this.#send({ command: 'stall', group });
  }
  resume(group: string): void {
    this.#send({ command: 'resume', group });
  }

  /** Resolves when all of a group have received this message. */
  async received(group: string, number: number): Promise<void> {
    while ((this.#lastReceived.get(group) ?? 0) < number) await this.#next('received', group);
  }

  /** Resolves when every connection of a group has ended. */
  async ended(group: string): Promise<void> {
    if (!this.#ended.has(group)) await this.#next('ended', group);
  }

  async report(group: string): Promise<GroupReport> {
    const report = this.#next('report', group);
    this.#send({ command: 'report', group });
    return report;
  }

  /** Suspends the process: connections stay open and do not answer. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  #send(command: GroupCommand): void {
    this.#child.send(command);
  }

  #onEvent(event: GroupEvent): void {
    if (event.event === 'received') this.#lastReceived.set(event.group, event.number);
    if (event.event === 'ended') this.#ended.add(event.group);
    for (const listener of this.#listeners) listener(event);
  }

  #next<Kind extends GroupEvent['event']>(
    kind: Kind,
    group: string,
  ): Promise<Extract<GroupEvent, { readonly event: Kind }>> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#listeners.delete(listener);
        reject(
          new Error(
            `no "${kind}" of "${group}"; the last message that all of it received is ${this.#lastReceived.get(group)}`,
          ),
        );
      };
      const timer = setTimeout(giveUp, timeout);
      const listener = (event: GroupEvent): void => {
        if (event.event !== kind || event.group !== group) return;
        clearTimeout(timer);
        this.#listeners.delete(listener);
        // Its kind was just looked at.
        resolve(event as Extract<GroupEvent, { readonly event: Kind }>);
      };
      this.#listeners.add(listener);
    });
  }
}
