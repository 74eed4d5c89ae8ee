// What a process has cost, as the operating system counts it.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/**
 * Whose account of a processor's time it is: the system's, in nanoseconds of each thread or in ticks of the process, or
 * where it keeps none that can be read here, that of each server for itself.
 */
export const accounting = existsSync(`/proc/self/task/${process.pid}/schedstat`)
  ? 'schedstat'
  : existsSync('/proc/self/stat')
    ? 'stat'
    : 'the servers themselves';

/** @param {number} pid */
const bySchedule = (pid) => {
  let nanoseconds = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  }
  return nanoseconds / 1_000;
};

const microsecondsPerTick =
  accounting === 'stat' ? 1e6 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) : Number.NaN;

/** @param {number} pid */
const byTicks = (pid) => {
  // The second field is the program's name in brackets, and may hold anything.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * microsecondsPerTick;
};

/**
 * Microseconds that a process has been on a processor, with all its threads; nothing where only it can tell.
 *
 * @param {number} pid
 * @returns {number | undefined}
 */
export const cpuOf = (pid) => {
  if (accounting === 'schedstat') return bySchedule(pid);
  return accounting === 'stat' ? byTicks(pid) : undefined;
};

/** Kibibytes. @param {number} pid */
const residentOf = (pid) => {
  const file = `/proc/${pid}/status`;
  if (existsSync(file)) return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(file, 'utf8'))?.[1]);
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }));
};

/**
 * Bytes that a process has in memory.
 *
 * @param {number} pid
 */
export const rssOf = (pid) => residentOf(pid) * 1_024;
