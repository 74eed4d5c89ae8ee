import { lifecycleEvents } from './program.js';

/** A data frame as a client sends it. */
export interface Wire {
  readonly wait: string;
  readonly namespace: string;
  readonly room: string;
  readonly event: string;
  readonly isError: boolean;
  readonly body: string;
  readonly isBinary: boolean;
}

/** Expands a body: `ab*3` is `ababab`. */
export const expandBody = (body: string): string => {
  const [, unit, times] = /^(.+)\*(\d+)$/.exec(body) ?? [];
  return unit === undefined ? body : unit.repeat(Number(times));
};

const field = (text: string): string => text.split(';').join('@%!semicolon@%!');

/** Returns the payload of a data frame. */
export const payloadOf = ({ wait, namespace, room, event, isError, body }: Omit<Wire, 'isBinary'>): string =>
  `${wait};${field(namespace)};${field(room)};${field(event)};${isError ? 1 : 0};0;${body}`;

export const lineOf = (wire: Wire): string => `${wire.isBinary ? 'b' : 't'} ${payloadOf(wire)}`;
export const systemEvents: ReadonlySet<string> = new Set(lifecycleEvents);
export const isAsk = (wire: Wire): boolean => wire.wait !== '';
export const keyOf = (namespace: string, room: string): string => JSON.stringify([namespace, room]);
