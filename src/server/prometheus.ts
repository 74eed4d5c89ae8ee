import type { Timing } from '../actors/runtime/histogram.js';
import type { Metrics } from '../actors/supervisor/metrics.js';

/** One line: the suffix after the name of its family, and its value. */
type Sample = readonly [suffix: string, value: number];

/** Section of docs/metrics.md. */
export type MetricSection = 'connections' | 'messages' | 'broadcasts' | 'asks' | 'exchange';

/** One metric: its name, its meaning, and the source of its samples. */
export interface MetricFamily {
  /** The section of docs/metrics.md that lists it. */
  readonly section: MetricSection;
  /** The name, such as `muster_connections`. */
  readonly name: string;
  /** The type in Prometheus' text format. */
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** The label that distinguishes its samples, if it has several. */
  readonly label?: string;
  /** What it counts or measures: the HELP line, and the meaning in docs/metrics.md. */
  readonly help: string;
  /** Returns the samples: none for a part that the server does not use. */
  read(metrics: Metrics): readonly Sample[];
}

const seconds = (ms: number): number => ms / 1_000;

/** Returns one sample for each name. Names come from the code, so none has to be escaped. */
const by = (label: string, values: Readonly<Record<string, number>>): readonly Sample[] =>
  Object.entries(values).map(([name, value]) => [`{${label}="${name}"}`, value]);

const timing = ({ count, sum, buckets }: Timing): readonly Sample[] => [
  ...buckets.map(({ upTo, count: within }): Sample => [`_bucket{le="${seconds(upTo)}"}`, within]),
  ['_bucket{le="+Inf"}', count],
  ['_sum', seconds(sum)],
  ['_count', count],
];

/** Returns functions that create the families of one section. `undefined` stands for no sample. */
const inSection = (section: MetricSection) => {
  type Read<Value> = (metrics: Metrics) => Value | undefined;
  const single =
    (type: 'counter' | 'gauge') =>
    (name: string, help: string, read: Read<number>): MetricFamily => ({
      ...{ section, name, type, help },
      read: (metrics) => {
        const value = read(metrics);
        return value === undefined ? [] : [['', value]];
      },
    });
  const labelled =
    (type: 'counter' | 'gauge') =>
    (name: string, label: string, help: string, read: Read<Readonly<Record<string, number>>>): MetricFamily => ({
      ...{ section, name, type, label, help },
      read: (metrics) => by(label, read(metrics) ?? {}),
    });
  const histogram = (name: string, help: string, read: (metrics: Metrics) => Timing): MetricFamily => ({
    ...{ section, name, type: 'histogram', help },
    read: (metrics) => timing(read(metrics)),
  });
  return {
    counter: single('counter'),
    gauge: single('gauge'),
    counters: labelled('counter'),
    gauges: labelled('gauge'),
    histogram,
  };
};

/** Returns the counters of dropped messages, by name. */
const droppedOf = ({ counters }: Metrics): Readonly<Record<string, number>> => ({
  skippedPings: counters.skippedPings,
  emptyFrames: counters.emptyFrames,
  invalidFrames: counters.invalidFrames,
  strayAnswers: counters.strayAnswers,
  ignoredEvents: counters.ignoredEvents,
  ignoredSession: counters.ignoredSession,
  chartDrops: counters.chartDrops,
  chartRefusals: counters.chartRefusals,
  disallowedEvents: counters.disallowedEvents,
  invalidPayloads: counters.invalidPayloads,
  unhandledEvents: counters.unhandledEvents,
  stoppedEvents: counters.stoppedEvents,
  gatedWrites: counters.gatedWrites,
  lateWrites: counters.lateWrites,
  broadcastsAfterClose: counters.broadcastsAfterClose,
});

const linkStates = ['connecting', 'online', 'degraded', 'closed'] as const;

const connections = inSection('connections');
const messages = inSection('messages');
const broadcasts = inSection('broadcasts');
const asks = inSection('asks');
const exchange = inSection('exchange');

/** Every metric, in the order of the text: the one source of the text and of docs/metrics.md (IN8). */
export const metricFamilies: readonly MetricFamily[] = [
  connections.gauges('muster_connections', 'state', 'Connections now, by state.', (m) => m.connections),
  connections.gauge('muster_aware_connections', 'Those of clients that use the session layer.', (m) => m.aware),
  connections.counter('muster_admitted_total', 'Upgrades that became connections.', (m) => m.arrivals.admitted),
  connections.counter(
    'muster_refused_total',
    'Arrivals refused: too many at once, a wrong first frame or none, or the server was closing.',
    (m) => m.arrivals.refused,
  ),
  connections.counter(
    'muster_rejected_total',
    'Upgrades and clients refused by a hook, for their origin or id, as malformed, or not decided in time.',
    (m) => m.arrivals.rejected,
  ),
  connections.counters('muster_closes_total', 'reason', 'Connections that ended, by cause.', (m) => m.closes),
  connections.counters(
    'muster_openings_total',
    'kind',
    'First frames of the session layer, by kind.',
    ({ counters: { hellos, resumes, badHellos } }) => ({ hello: hellos, resume: resumes, bad: badHellos }),
  ),
  connections.counters(
    'muster_authentications_total',
    'outcome',
    'Clients and tokens refused by authenticate, and tokens renewed.',
    ({ counters: { refusedAuthentications, renewedTokens } }) => ({
      refused: refusedAuthentications,
      renewed: renewedTokens,
    }),
  ),
  connections.counter('muster_congestions_total', 'Times a socket was full.', (m) => m.counters.congestions),
  connections.counter('muster_evictions_total', 'Slow consumers evicted.', (m) => m.counters.evictions),
  connections.counter('muster_failures_total', 'Statecharts and turns that failed.', (m) => m.counters.failures),

  messages.counter('muster_received_frames_total', 'Messages from open connections.', (m) => m.received.frames),
  messages.counter(
    'muster_received_bytes_total',
    'Bytes in those messages, without frame headers.',
    (m) => m.received.bytes,
  ),
  messages.counters(
    'muster_received_control_frames_total',
    'kind',
    'Pings and pongs from clients.',
    ({ counters: { pings, pongs } }) => ({ ping: pings, pong: pongs }),
  ),
  messages.counter('muster_sent_frames_total', 'Messages written to clients.', (m) => m.sent.frames),
  messages.counter('muster_sent_bytes_total', 'Bytes written for those, with frame headers.', (m) => m.sent.bytes),
  messages.counters('muster_dropped_total', 'reason', 'Messages dropped, by reason.', droppedOf),

  broadcasts.counter(
    'muster_broadcasts_total',
    'Messages published to a topic that had subscribers.',
    (m) => m.broadcasts.published,
  ),
  broadcasts.counter(
    'muster_deliveries_total',
    'Deliveries of those, to a socket or an outbox.',
    (m) => m.broadcasts.deliveries,
  ),
  broadcasts.counters(
    'muster_compressed_total',
    'outcome',
    'Broadcasts compressed for a client that agreed to it: made smaller, or sent as they were.',
    ({ compression: { messages: smaller, kept } }) => ({ smaller, kept }),
  ),
  broadcasts.counter(
    'muster_compression_saved_bytes_total',
    'Bytes that compression has kept from being written, over all deliveries.',
    (m) => m.compression.saved,
  ),
  broadcasts.histogram(
    'muster_slice_delay_seconds',
    'Time each slice of background work waited for the event loop.',
    (m) => m.slices.delay,
  ),
  broadcasts.counter('muster_slice_seconds_total', 'Time spent in slices.', (m) => seconds(m.slices.spent)),
  broadcasts.gauge('muster_log_bytes', 'Bytes published and not yet delivered to all, now.', (m) => m.pressure.log),
  broadcasts.gauge('muster_lag_seconds', 'Time by which delivery is behind, now.', (m) => seconds(m.pressure.lag)),
  broadcasts.gauge('muster_throttling', '1 while producers are throttled.', (m) => Number(m.pressure.isThrottling)),
  broadcasts.counter('muster_throttled_total', 'Times a producer was throttled.', (m) => m.counters.throttled),

  asks.gauge('muster_open_asks', 'Asks of clients that wait for an answer, now.', (m) => m.asks.open),
  asks.counters(
    'muster_asks_total',
    'outcome',
    'Asks of clients that have ended, by outcome.',
    ({ asks: { open: _, ...ended } }) => ended,
  ),
  asks.histogram('muster_handler_seconds', 'Time handlers took to settle.', (m) => m.handlers.time),
  asks.counter(
    'muster_handler_errors_total',
    'Handlers that threw, rejected or did not settle in time.',
    (m) => m.handlers.errors,
  ),
  asks.counter(
    'muster_refusals_total',
    'Events and asks that a handler or middleware refused by a Refusal or a known error.',
    (m) => m.counters.refusals,
  ),
  asks.counters(
    'muster_rate_limited_total',
    'outcome',
    'Messages beyond a rateLimit, by what was done about them.',
    ({ counters: { rateRefused, rateDropped, rateClosed } }) => ({
      refused: rateRefused,
      dropped: rateDropped,
      closed: rateClosed,
    }),
  ),
  asks.counter(
    'muster_closed_joins_total',
    'Joins of clients refused, as only the server opens those rooms.',
    (m) => m.counters.closedJoins,
  ),

  exchange.gauges('muster_exchange_state', 'state', '1 for the state of the link, 0 for the others.', (m) => {
    const { exchange: link } = m;
    return link ? Object.fromEntries(linkStates.map((state) => [state, Number(state === link.state)])) : undefined;
  }),
  exchange.gauge(
    'muster_exchange_waiting_messages',
    'Messages that wait for the broker, now.',
    (m) => m.exchange?.waiting.messages,
  ),
  exchange.gauge('muster_exchange_waiting_bytes', 'Bytes of those messages, now.', (m) => m.exchange?.waiting.bytes),
  exchange.counter(
    'muster_exchange_published_total',
    'Messages that the broker confirmed.',
    (m) => m.exchange?.published,
  ),
  exchange.counter(
    'muster_exchange_received_total',
    'Messages from the broker, those of this server included.',
    (m) => m.exchange?.received,
  ),
  exchange.counters(
    'muster_exchange_lost_total',
    'reason',
    'Messages lost between servers, by reason.',
    (m) => m.exchange?.lost,
  ),
];

/** Returns the metrics in Prometheus' text format 0.0.4. A family without a sample is left out (IN8). */
export const prometheusText = (metrics: Metrics): string =>
  metricFamilies
    .flatMap(({ name, type, help, read }) => {
      const samples = read(metrics).map(([suffix, value]) => `${name}${suffix} ${value}\n`);
      return samples.length === 0 ? [] : [`# HELP ${name} ${help}\n`, `# TYPE ${name} ${type}\n`, ...samples];
    })
    .join('');
