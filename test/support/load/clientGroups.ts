import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import type { TestServer } from '../server/testServer.js';

/** What a crowd is told to do; its groups are called by name. */
export type GroupCommand =
  | { readonly order: 'dial'; readonly group: string; readonly port: number; readonly count: number }
  | { readonly order: 'stall' | 'resume' | 'report'; readonly group: string };

/** What has become of one client: the number of the last message, and whether none was missing before it. */
interface ClientReport {
  readonly last: number;
  readonly isInOrder: boolean;
  readonly hasEnded: boolean;
  readonly pings: number;
}

/** Milliseconds from `broadcast` to the client. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface GroupReport {
  readonly clients: readonly ClientReport[];
  readonly latency: Latency;
}

/** What a crowd says. */
export type GroupEvent =
  | { readonly told: 'ready' | 'ended'; readonly group: string }
  | { readonly told: 'got'; readonly group: string; readonly number: number }
  | ({ readonly told: 'report'; readonly group: string } & GroupReport);

const program = fileURLToPath(new URL('./clientGroupsProcess.js', import.meta.url));
const running: ChildProcess[] = [];
/** How long anybody waits for a crowd to say something that is due. */
const patience = 20_000;

/** Ends the crowds that a test has started. */
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

/** Clients in a process of their own, in groups. */
export class ClientGroups {
  readonly #child: ChildProcess;
  readonly #got = new Map<string, number>();
  readonly #ended = new Set<string>();
  readonly #listeners = new Set<(told: GroupEvent) => void>();

  constructor(private readonly testServer: TestServer) {
    this.#child = fork(program, { execArgv: [] });
    running.push(this.#child);
    // Nobody else writes to this channel.
    this.#child.on('message', (told: GroupEvent) => this.#hear(told));
  }

  /** So many clients, `<group>-<n>`, each in the namespace `default`. */
  async dial(group: string, count: number): Promise<void> {
    const ready = this.#next('ready', group);
    this.#tell({ order: 'dial', group, port: Number(new URL(this.testServer.url).port), count });
    await ready;
  }

  /** They stop reading what comes. */
  stall(group: string): void {
    this.#tell({ order: 'stall', group });
  }
  resume(group: string): void {
    this.#tell({ order: 'resume', group });
  }

  /** Resolves when all of a group have got this message. */
  async received(group: string, number: number): Promise<void> {
    while ((this.#got.get(group) ?? 0) < number) await this.#next('got', group);
  }

  /** Resolves when the last of a group has seen the end of its line. */
  async ended(group: string): Promise<void> {
    if (!this.#ended.has(group)) await this.#next('ended', group);
  }

  async report(group: string): Promise<GroupReport> {
    const report = this.#next('report', group);
    this.#tell({ order: 'report', group });
    return report;
  }

  /** The whole crowd stands still: its lines are there, and nobody answers. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  #tell(order: GroupCommand): void {
    this.#child.send(order);
  }

  #hear(told: GroupEvent): void {
    if (told.told === 'got') this.#got.set(told.group, told.number);
    if (told.told === 'ended') this.#ended.add(told.group);
    for (const listener of this.#listeners) listener(told);
  }

  #next<Kind extends GroupEvent['told']>(
    kind: Kind,
    group: string,
  ): Promise<Extract<GroupEvent, { readonly told: Kind }>> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.#listeners.delete(listener);
        reject(
          new Error(
            `"${group}" was due to say "${kind}"; the last message that all of it got is ${this.#got.get(group)}`,
          ),
        );
      };
      const timer = setTimeout(giveUp, patience);
      const listener = (told: GroupEvent): void => {
        if (told.told !== kind || told.group !== group) return;
        clearTimeout(timer);
        this.#listeners.delete(listener);
        // Its kind was just looked at.
        resolve(told as Extract<GroupEvent, { readonly told: Kind }>);
      };
      this.#listeners.add(listener);
    });
  }
}
