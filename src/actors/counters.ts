/** Why something was dropped, refused or closed; the names are fixed, so that nothing a client says becomes one. */
export const counted = [
  'framesIn',
  'invalidFrames',
  'strayAnswers',
  'ignoredEvents',
  'unhandledEvents',
  'gatedWrites',
  'broadcastsAfterClose',
  'deliveries',
  'congestions',
  'evictions',
  'failures',
  'refusedArrivals',
  'handlerErrors',
] as const;

export type Counted = (typeof counted)[number];

/** Every drop, close and refusal, by reason. */
export type Counters = { [name in Counted]: number };

export const makeCounters = (): Counters => ({
  framesIn: 0,
  invalidFrames: 0,
  strayAnswers: 0,
  ignoredEvents: 0,
  unhandledEvents: 0,
  gatedWrites: 0,
  broadcastsAfterClose: 0,
  deliveries: 0,
  congestions: 0,
  evictions: 0,
  failures: 0,
  refusedArrivals: 0,
  handlerErrors: 0,
});
