// Processor time and memory of a process, from the operating system.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/**
 * The source of processor times: `schedstat` counts ns for each thread, `stat` ticks for the process. On a system
 * without both, each server reports its own.
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
  // The second field is the program's name in parentheses, which may contain spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * microsecondsPerTick;
};

/**
 * Returns the processor time of a process with all its threads, in µs; `undefined` if only the process can report it.
 *
 * @param {number} pid
 * @returns {number | undefined}
 */
export const cpuOf = (pid) => {
  if (accounting === 'schedstat') return bySchedule(pid);
  return accounting === 'stat' ? byTicks(pid) : undefined;
};

/** Returns the resident memory in KiB. @param {number} pid */
const residentOf = (pid) => {
  const file = `/proc/${pid}/status`;
  if (existsSync(file)) return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(file, 'utf8'))?.[1]);
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' }));
};

/**
 * Returns the resident memory of a process, in bytes.
 *
 * @param {number} pid
 */
export const rssOf = (pid) => residentOf(pid) * 1_024;
