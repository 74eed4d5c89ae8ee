import { accessSync, constants } from 'node:fs';
import { describe } from 'vitest';

/** A program outside of this package that a suite runs against: a browser, a broker. */
export interface Peer {
  readonly name: string;
  /** Its path; `undefined` if it is missing. */
  readonly path: string | undefined;
  /** Why it is missing, if there is a reason to name. */
  readonly why?: string;
  /** Whether it may be missing with MUSTER_PEERS=required. */
  readonly isOptional?: boolean;
}

/** With MUSTER_PEERS=required, a suite whose peer is missing fails. Otherwise it warns and is skipped. */
const arePeersRequired = process.env['MUSTER_PEERS'] === 'required';

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Finds the program that the environment variable names, or the usual one. */
export const findProgram = (name: string, variable: string, usual: string): Peer => {
  const path = process.env[variable] || usual;
  return { name, path: isExecutable(path) ? path : undefined };
};

export const chromium = findProgram('Chromium', 'CHROMIUM', '/usr/bin/chromium');

/** Describes a suite that needs this peer. */
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
