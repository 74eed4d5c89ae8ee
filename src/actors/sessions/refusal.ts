import { CloseError, closeReasons, errorText, type HandlerTimeout, Refusal, toldOf } from '../../protocol/errors.js';
import { isInstance } from '../runtime/guard.js';

/**
 * Error that refuses an upgrade with an HTTP status. The client receives its text, whatever the status (HS1).
 * @example const onUpgrade = () => { throw new UpgradeRefused(401, 'log in first'); };
 */
export class UpgradeRefused extends Error {
  /** Always 'UpgradeRefused'. */
  override readonly name = 'UpgradeRefused';
  /** Creates the error. `message` is the text of the answer. */
  constructor(
    /** HTTP status of the answer, 400 to 599. Any other becomes 403. */
    readonly status: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What is wrong with an id: its size, its characters, or that a namespace or the broker's own names are in its way. */
export type IdFault = 'size' | 'characters' | 'namespace' | 'broker';

/**
 * Error of a client whose id is not allowed. `onUpgradeError` receives it, and the client receives its text with the
 * status 400 (HS11).
 * @example const onUpgradeError = (error) => { if (error instanceof IdRefused) console.warn(error.id, error.reason); };
 */
export class IdRefused extends Error {
  /** Always 'IdRefused'. */
  override readonly name = 'IdRefused';
  /** HTTP status of the answer: always 400. */
  readonly status = 400;
  /** Creates the error. `message` is the text of the answer. */
  constructor(
    /** The id that `idGenerator` made. */
    readonly id: string,
    /** What is wrong with it. */
    readonly reason: IdFault,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** How a client is refused: by an HTTP answer before the 101, by `H<text>` and a close frame after it. */
export interface RefusedClient {
  /** Distinguishes a refusal from what the refused step returns. */
  readonly kind: 'refused';
  /** What `onUpgradeError` receives. */
  readonly error: unknown;
  /** The HTTP status. */
  readonly status: number;
  /** The body of the HTTP answer. Without one: the standard text of the status. */
  readonly body: string | undefined;
  /** The text after `H`. */
  readonly text: string;
  /** The close frame after it. */
  readonly close: { readonly code: number; readonly text: string };
  /** The warning to the process where the program has no `onUpgradeError`. Without one: none. */
  readonly warning?: { readonly subject: string; readonly text: string };
}

/** Returns the HTTP status of an error, if it has one. Reading a thrown value may throw. */
const statusOf = (error: unknown): number | undefined => {
  try {
    if (typeof error !== 'object' || error === null) return undefined;
    const status = 'status' in error ? error.status : 'statusCode' in error ? error.statusCode : undefined;
    return typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 599
      ? status
      : undefined;
  } catch {
    return undefined;
  }
};

/** The statuses below 500 that ask the client to come back later. */
const comeBack: ReadonlySet<number> = new Set([408, 425, 429]);

const closeFor = (error: unknown, status: number, text: string): RefusedClient['close'] => {
  if (isInstance(error, CloseError)) return { code: error.code, text };
  const isLater = status >= 500 || comeBack.has(status);
  return isLater ? closeReasons.busy : { code: closeReasons.refused.code, text };
};

/** Returns the refusal by an error that `onUpgrade` or `authenticate` threw (HS1, SS9, SV26). */
export const refusalBy = (hook: 'onUpgrade' | 'authenticate', error: unknown, exposesErrors = true): RefusedClient => {
  const own = statusOf(error);
  const status = own ?? (hook === 'onUpgrade' ? 403 : 401);
  const isClose = isInstance(error, CloseError);
  const refused: string = closeReasons.refused.text;
  let body: string | undefined;
  let text: string = refused;
  if (own !== undefined) {
    // The text of an internal error may be secret. The text of an error that was made to refuse is not.
    const isMeant = isInstance(error, UpgradeRefused) || isInstance(error, Refusal);
    const isTold = own < 500 && toldOf(error, exposesErrors) === error;
    if (isTold || isMeant) body = errorText(error);
    text = body ?? refused;
  } else if (hook === 'onUpgrade') {
    body = refused;
    if (isClose) text = errorText(error);
  } else {
    // After the 101 an error of `authenticate` is told as one of `onConnect` is (HS7).
    text = errorText(toldOf(error, exposesErrors));
    if (isClose) body = text;
  }
  return { kind: 'refused', error, status, body, text, close: closeFor(error, status, text) };
};

/** Returns the refusal of a client for which a hook of the program has failed. */
export const refusalByFailure = (text: string, cause: unknown, warning?: RefusedClient['warning']): RefusedClient => ({
  kind: 'refused',
  error: new UpgradeRefused(500, text, { cause }),
  status: 500,
  body: text,
  text,
  close: { code: closeReasons.failed.code, text },
  ...(warning && { warning }),
});

/** Returns the refusal of a client whose id is not allowed (HS11). */
export const refusalById = (error: IdRefused): RefusedClient => {
  const { status, message: text } = error;
  const how = error.reason === 'namespace' ? ' A prefix such as "user-" keeps ids and namespaces apart.' : '';
  return {
    kind: 'refused',
    error,
    status,
    body: text,
    text,
    close: { code: closeReasons.refused.code, text },
    warning: { subject: `id ${error.reason}`, text: `${text}.${how}` },
  };
};

/** Returns the refusal of a client for which the hooks did not settle in time (HS8). It may come back. */
export const refusalByTimeout = (error: HandlerTimeout): RefusedClient => {
  const { text } = closeReasons.connectTimeout;
  // The program was slow, and the client has done nothing wrong.
  const { code } = closeReasons.failed;
  return { kind: 'refused', error, status: 503, body: undefined, text, close: { code, text } };
};
