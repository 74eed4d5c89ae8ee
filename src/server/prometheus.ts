import type { Timing } from '../actors/runtime/histogram.js';
import type { Metrics } from '../actors/supervisor/metrics.js';

/** One line: what follows the name of its family, and its value. */
type Sample = readonly [suffix: string, value: number];

interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  read(metrics: Metrics): readonly Sample[];
}

const seconds = (ms: number): number => ms / 1_000;
const one = (value: number): readonly Sample[] => [['', value]];

/** A line for each name. Names are those of the code, so there is nothing in them that would have to be escaped. */
const by = (label: string, values: Readonly<Record<string, number>>): readonly Sample[] =>
  Object.entries(values).map(([name, value]) => [`{${label}="${name}"}`, value]);

const timing = ({ count, sum, buckets }: Timing): readonly Sample[] => [
  ...buckets.map(({ upTo, count: within }): Sample => [`_bucket{le="${seconds(upTo)}"}`, within]),
  ['_bucket{le="+Inf"}', count],
  ['_sum', seconds(sum)],
  ['_count', count],
];

const gauge = (name: string, help: string, read: Family['read']): Family => ({ name, type: 'gauge', help, read });
const counter = (name: string, help: string, read: Family['read']): Family => ({ name, type: 'counter', help, read });
const histogram = (name: string, help: string, read: (metrics: Metrics) => Timing): Family => ({
  name,
  type: 'histogram',
  help,
  read: (metrics) => timing(read(metrics)),
});

/** What was dropped, by the names of the counters. */
const droppedOf = ({ counters }: Metrics): Readonly<Record<string, number>> => ({
  invalidFrames: counters.invalidFrames,
  strayAnswers: counters.strayAnswers,
  ignoredEvents: counters.ignoredEvents,
  unhandledEvents: counters.unhandledEvents,
  gatedWrites: counters.gatedWrites,
  lateWrites: counters.lateWrites,
  broadcastsAfterClose: counters.broadcastsAfterClose,
});

const linkStates = ['connecting', 'online', 'degraded', 'closed'] as const;

const families: readonly Family[] = [
  gauge('muster_connections', 'Connections, by the state of their chart.', (m) => by('state', m.connections)),
  counter('muster_admitted_total', 'Arrivals that have become connections.', (m) => one(m.arrivals.admitted)),
  counter('muster_refused_total', 'Arrivals that nobody could take.', (m) => one(m.arrivals.refused)),
  counter('muster_rejected_total', 'Upgrades that were refused.', (m) => one(m.arrivals.rejected)),
  counter('muster_closes_total', 'Connections that have ended, by what has ended them.', (m) => by('reason', m.closes)),
  counter('muster_congestions_total', 'Times that a socket took no more.', (m) => one(m.counters.congestions)),
  counter('muster_evictions_total', 'Connections let go as too slow.', (m) => one(m.counters.evictions)),
  counter('muster_failures_total', 'Charts and turns that have failed.', (m) => one(m.counters.failures)),

  counter('muster_received_frames_total', 'Messages of clients.', (m) => one(m.received.frames)),
  counter('muster_received_bytes_total', 'Bytes in the messages of clients.', (m) => one(m.received.bytes)),
  counter('muster_sent_frames_total', 'Messages written to clients.', (m) => one(m.sent.frames)),
  counter('muster_sent_bytes_total', 'Bytes written for those, frame headers included.', (m) => one(m.sent.bytes)),
  counter('muster_dropped_total', 'What was dropped, by why.', (m) => by('reason', droppedOf(m))),

  counter('muster_broadcasts_total', 'Messages issued for many.', (m) => one(m.broadcasts.issued)),
  counter('muster_deliveries_total', 'Times that somebody was given one of those.', (m) =>
    one(m.broadcasts.deliveries),
  ),
  histogram('muster_slice_delay_seconds', 'How long slices waited for the event loop.', (m) => m.slices.delay),
  counter('muster_slice_seconds_total', 'Time spent in slices.', (m) => one(seconds(m.slices.spent))),
  gauge('muster_log_bytes', 'Bytes issued and not given to everybody.', (m) => one(m.pressure.log)),
  gauge('muster_lag_seconds', 'How far giving out is behind.', (m) => one(seconds(m.pressure.lag))),
  gauge('muster_throttling', '1 while those who broadcast are held back.', (m) => one(Number(m.pressure.isThrottling))),
  counter('muster_throttled_total', 'Times that a client was held back.', (m) => one(m.counters.throttled)),

  gauge('muster_open_asks', 'Asks of clients that wait.', (m) => one(m.asks.open)),
  counter('muster_asks_total', 'Asks of clients that are over, by outcome.', ({ asks: { open: _, ...ended } }) =>
    by('outcome', ended),
  ),
  histogram('muster_handler_seconds', 'What handlers take until they have settled.', (m) => m.handlers.time),
  counter('muster_handler_errors_total', 'Handlers that have failed.', (m) => one(m.handlers.errors)),

  gauge('muster_exchange_state', '1 for the state of the link to the broker.', ({ exchange }) =>
    exchange ? linkStates.map((state) => [`{state="${state}"}`, Number(state === exchange.state)]) : [],
  ),
  gauge('muster_exchange_waiting_messages', 'Messages that wait for the broker.', ({ exchange }) =>
    exchange ? one(exchange.waiting.messages) : [],
  ),
  gauge('muster_exchange_waiting_bytes', 'Bytes of those.', ({ exchange }) =>
    exchange ? one(exchange.waiting.bytes) : [],
  ),
  counter('muster_exchange_published_total', 'Messages that the broker has taken.', ({ exchange }) =>
    exchange ? one(exchange.published) : [],
  ),
  counter('muster_exchange_received_total', 'Messages that have come from the broker.', ({ exchange }) =>
    exchange ? one(exchange.received) : [],
  ),
  counter('muster_exchange_lost_total', 'Messages lost between servers, by how.', ({ exchange }) =>
    exchange ? by('reason', exchange.lost) : [],
  ),
];

/** The metrics as Prometheus reads them, in its text format 0.0.4. A family without a value is left out. */
export const prometheusText = (metrics: Metrics): string =>
  families
    .flatMap(({ name, type, help, read }) => {
      const samples = read(metrics).map(([suffix, value]) => `${name}${suffix} ${value}\n`);
      return samples.length === 0 ? [] : [`# HELP ${name} ${help}\n`, `# TYPE ${name} ${type}\n`, ...samples];
    })
    .join('');
