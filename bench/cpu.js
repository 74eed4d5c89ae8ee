// What a process has cost, as the operating system counts it.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const microsecondsPerTick = existsSync('/proc/self/stat')
  ? 1e6 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  : Number.NaN;

/** @param {number} pid */
const bySchedule = (pid) => {
  let nanoseconds = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  }
  return nanoseconds / 1_000;
};

/** @param {number} pid */
const byTicks = (pid) => {
  // The second field is the program's name in brackets, and may hold anything.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * microsecondsPerTick;
};

/** Where the figures of a processor's time come from: nanoseconds of each thread, or ticks of the process. */
export const accounting = existsSync(`/proc/self/task/${process.pid}/schedstat`) ? 'schedstat' : 'stat';

/**
 * Microseconds that a process has been on a processor, with all its threads.
 *
 * @param {number} pid
 */
export const cpuOf = (pid) => (accounting === 'schedstat' ? bySchedule(pid) : byTicks(pid));

/**
 * Bytes that a process has in memory.
 *
 * @param {number} pid
 */
export const rssOf = (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024;
