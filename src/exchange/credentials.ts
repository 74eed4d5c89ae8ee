/** User name and password in a URL. */
export interface Credentials {
  /** User name, or a token if there is no password. `''` if the URL has none. */
  readonly username: string;
  /** Password. `''` if the URL has none. */
  readonly password: string;
}

/**
 * Returns the parsed URL.
 * @throws {TypeError} when it does not parse. The text shows no part of it, as a password may be anywhere in it (EX17).
 */
export const parseUrl = (option: string, takes: string, text: string): URL & Credentials => {
  // The error of `new URL` contains its input, so the text is checked first.
  if (!URL.canParse(text)) throw new TypeError(`option "${option}" takes ${takes}; got a text that is not a URL`);
  return new URL(text);
};

/**
 * Returns the decoded credentials of a URL.
 * @throws {TypeError} when they are not percent-encoded.
 */
export const credentialsOf = (option: string, { username, password }: Credentials): Credentials => {
  try {
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    throw new TypeError(`option "${option}": the credentials of the URL are not percent-encoded`);
  }
};

/** Returns the texts that must not be shown. A user name without a password may be a token (EX17). */
export const secretsOf = (raw: Credentials, decoded: Credentials): string[] =>
  raw.password === '' ? [raw.username, decoded.username] : [raw.password, decoded.password];

/** A broker that does not know a command repeats its arguments in the error, passwords included. */
const repeated = /,? with args beginning with.*/s;

const textOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(textOf).join('; ');
  return error instanceof Error ? error.message || error.name : String(error);
};

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/**
 * Returns a function that turns an error of a client library into one without secrets (EX17). The new error keeps the
 * text, less the secrets, and the `code`. It has no cause, no list of errors and no other field.
 */
export const discretion = (broker: string, secrets: readonly (string | undefined)[]) => {
  const hidden = secrets
    .filter((secret): secret is string => typeof secret === 'string' && secret !== '')
    .sort((one, other) => other.length - one.length);
  return (error: unknown): Error => {
    const shown = hidden.reduce((text, secret) => text.replaceAll(secret, '…'), textOf(error).replace(repeated, ''));
    const code = codeOf(error);
    const safe = new Error(`${broker}: ${shown}`);
    return code === undefined ? safe : Object.assign(safe, { code });
  };
};
