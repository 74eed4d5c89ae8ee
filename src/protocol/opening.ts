import { type SessionFrame, sessionVersion } from './session.js';
import { bytesIn } from './size.js';

/** The first frame of a client that uses the session layer, as it was checked. */
export type Opening =
  | {
      readonly kind: 'hello';
      /** The token for `authenticate`. */
      readonly auth: string | undefined;
    }
  | {
      readonly kind: 'resume';
      /** The token for `authenticate`. */
      readonly auth: string | undefined;
      /** The token of the session to resume. */
      readonly session: string;
      /** How often the client has dialled for this session. */
      readonly tries: number;
      /** How many data frames the client has received in this session. */
      readonly received: number;
    };

/** Maximum size of the first frame, in bytes. It does not count as an early frame. */
const maxOpening = 16_384;

/** Returns whether a frame is a `hello` or a `resume`. */
export const isOpening = ({ verb }: SessionFrame): boolean => verb === 'hello' || verb === 'resume';

/** Returns whether the header of the hint announces a client of the session layer. */
export const isHint = (value: unknown): boolean => value === 'hello' || value === 'resume';

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

const isListOfStrings = (value: unknown): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

const parse = (body: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    // An object without a prototype has no field but those of the text.
    return Object.assign(Object.create(null), value) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
};

/** Returns the content of a `hello` or `resume`, or `undefined` if it is too big or does not parse. Never throws. */
export const readOpening = ({ verb, body }: SessionFrame): Opening | undefined => {
  const fields = body.length <= maxOpening && bytesIn(body) <= maxOpening ? parse(body) : undefined;
  if (!fields) return undefined;
  const { v, auth, caps, session, try: tries, received } = fields;
  if (v !== sessionVersion || (caps !== undefined && !isListOfStrings(caps))) return undefined;
  if (auth !== undefined && typeof auth !== 'string') return undefined;
  if (verb === 'hello') return { kind: 'hello', auth };
  if (typeof session !== 'string' || !isCount(tries) || !isCount(received)) return undefined;
  return { kind: 'resume', auth, session, tries, received };
};
