/** Processor time that this process uses in a second where it has two cores to itself. */
const coresUsed = 1.5;

/**
 * Returns a time, in ms, that advances with the processor time of this process, about as fast as the clock on a quiet
 * machine. Churn that is paced by it does not grow while something else keeps the machine busy.
 */
export const busyTime = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000 / coresUsed;
};
