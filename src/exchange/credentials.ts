/** What a URL says of who connects. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** A URL, or what is wrong with it in words that show nothing of it: a password may stand anywhere in it (EX17). */
export const parseUrl = (option: string, takes: string, text: string): URL & Credentials => {
  // The error of `new URL` carries what it was given, so it is not asked when it would throw.
  if (!URL.canParse(text)) throw new TypeError(`option "${option}" takes ${takes}; this one is no URL`);
  return new URL(text);
};

/** The credentials of a URL, decoded. */
export const credentialsOf = (option: string, { username, password }: Credentials): Credentials => {
  try {
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    throw new TypeError(`option "${option}": the credentials of the URL are not percent-encoded as they should be`);
  }
};

/** What must not be read anywhere; a name without a password is a token, or may be one. */
export const secretsOf = (raw: Credentials, decoded: Credentials): string[] =>
  raw.password === '' ? [raw.username, decoded.username] : [raw.password, decoded.password];

/** A broker that does not know a command repeats what it was given: passwords, too. */
const repeated = /,? with args beginning with.*/s;

const textOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(textOf).join('; ');
  return error instanceof Error ? error.message || error.name : String(error);
};

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/**
 * Makes of what a library says an error that can be shown to anybody: its text without the secrets, its `code`, and
 * nothing else of it – no cause, no list of errors, no field (EX17).
 */
export const discretion = (broker: string, secrets: readonly (string | undefined)[]) => {
  const hidden = secrets
    .filter((secret): secret is string => typeof secret === 'string' && secret !== '')
    .sort((one, other) => other.length - one.length);
  return (error: unknown): Error => {
    const shown = hidden.reduce((text, secret) => text.replaceAll(secret, '…'), textOf(error).replace(repeated, ''));
    const code = codeOf(error);
    const told = new Error(`${broker}: ${shown}`);
    return code === undefined ? told : Object.assign(told, { code });
  };
};
