import { accessSync, constants } from 'node:fs';
import { describe } from 'vitest';

/** A program outside of this package that a suite plays with: a browser, a broker. */
export interface Peer {
  readonly name: string;
  /** Where it is; `undefined` when it is missing. */
  readonly path: string | undefined;
  /** Why it is missing, if there is more to say than that. */
  readonly why?: string;
  /** It may be missing anywhere. */
  readonly isOptional?: boolean;
}

/** With MUSTER_PEERS=required a suite whose peer is missing fails; otherwise it says so and is skipped. */
const arePeersRequired = process.env['MUSTER_PEERS'] === 'required';

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** The program that the environment variable names, or else the usual one. */
export const findProgram = (name: string, variable: string, usual: string): Peer => {
  const path = process.env[variable] || usual;
  return { name, path: isExecutable(path) ? path : undefined };
};

export const chromium = findProgram('Chromium', 'CHROMIUM', '/usr/bin/chromium');

/** A suite that needs this peer. */
export const describeWith = (
  { name, path, why = `${name} is missing`, isOptional = false }: Peer,
  title: string,
  suite: (path: string) => void,
): void => {
  const isMissing = path === undefined;
  if (isMissing && arePeersRequired && !isOptional) throw new Error(`${why}, and MUSTER_PEERS is "required"`);
  if (isMissing) console.warn(`${why}: "${title}" is skipped`);
  describe.skipIf(isMissing)(title, () => suite(path ?? ''));
};
