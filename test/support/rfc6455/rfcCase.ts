import { createHash } from 'node:crypto';

/** Why Muster does something else than a server that echoes by the letter of the RFC. */
export const reasons = {
  empty: 'FR6: an empty data frame is no message',
  late: 'RFC 6455 §8.1 names no moment: a message is checked as a whole',
  parts: 'LM6: `fragments` bounds the parts of a message',
} as const;

/** What a client of the echo server sends, and the frames that it gets. */
export interface RfcCase {
  readonly section: number;
  /** What is sent, in words. */
  readonly does: string;
  /** The extensions that the client offers. Then the answer of the server to them is the first that comes back. */
  readonly offers?: string;
  /** What is written, one by one. */
  readonly writes: readonly Buffer[];
  /** The frames that come back, and the close frame. */
  readonly gets: readonly string[];
  /** Whether the client closes with 1000 after its writes. Otherwise it has closed, or the server closes. */
  readonly closes: boolean;
  /** What Muster does in place of `gets`. */
  readonly differs?: { readonly gets: readonly string[]; readonly why: keyof typeof reasons };
}

const quoted = 24;

/** Describes a frame of the server. */
export const told = (kind: string, payload: string | Buffer = ''): string => {
  const bytes = Buffer.from(payload);
  if (bytes.length === 0) return kind;
  if (bytes.length <= quoted) return `${kind} ${bytes.toString('hex')}`;
  return `${kind} of ${bytes.length} bytes ${createHash('sha1').update(bytes).digest('hex')}`;
};

/** Describes a close frame of the server. */
export const closed = (code?: number): string => (code === undefined ? 'close' : `close ${code}`);

/** Describes the extensions that the server agrees to. */
export const agreed = (extensions = 'nothing'): string => `agreed to ${extensions.split('; ').toSorted().join('; ')}`;

type Given = Pick<RfcCase, 'does' | 'offers' | 'writes'> & { readonly gets?: readonly string[] };

/** Returns functions that make the cases of a section. */
export const sectionOf = (section: number) => ({
  /** The client closes at the end: what comes before the close frame is all that comes. */
  echoes: ({ gets = [], ...given }: Given, differs?: RfcCase['differs']): RfcCase => ({
    ...given,
    section,
    gets: [...gets, closed(1000)],
    closes: true,
    ...(differs ? { differs: { ...differs, gets: [...differs.gets, closed(1000)] } } : {}),
  }),
  /** The server closes with this code. */
  fails: (code: number, { gets = [], ...given }: Given, differs?: RfcCase['differs']): RfcCase => ({
    ...given,
    section,
    gets: [...gets, closed(code)],
    closes: false,
    ...(differs ? { differs } : {}),
  }),
  /** The client has sent a close frame of its own. */
  ends: (given: Given): RfcCase => ({ ...given, gets: given.gets ?? [], section, closes: false }),
});

/** Describes frames, equal ones in a row by their number. */
export const inARow = (frames: readonly string[]): string => {
  const rows: { frame: string; times: number }[] = [];
  for (const frame of frames) {
    const last = rows.at(-1);
    if (last?.frame === frame) last.times++;
    else rows.push({ frame, times: 1 });
  }
  return rows.map(({ frame, times }) => (times === 1 ? frame : `${times} × ${frame}`)).join(', ');
};
