/** Time to wait for what must come, in ms. A busy machine is slow; a run over faults waits less. */
export const patience = Number(process.env['MUSTER_PATIENCE'] ?? 60_000);
