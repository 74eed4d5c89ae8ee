import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './installed.js';

export const openssl = findProgram('OpenSSL', 'OPENSSL', '/usr/bin/openssl');

/** A certificate of this machine that vouches for itself, and where its files are. */
export interface Certificate {
  readonly key: string;
  readonly cert: string;
  /** Both in one file, as HAProxy takes them. */
  readonly both: string;
  /** The text of `cert`, for clients that have to trust it. */
  readonly ca: string;
}

/** Makes a certificate for 127.0.0.1 and localhost. Its files are removed when this process ends. */
export const certify = (): Certificate => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-tls-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string): string => join(folder, name);
  const [key, cert, both] = [file('key.pem'), file('cert.pem'), file('both.pem')];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const subject = ['-subj', '/CN=loopback', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  execFileSync(openssl.path ?? '', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  const ca = readFileSync(cert, 'utf8');
  writeFileSync(both, ca + readFileSync(key, 'utf8'));
  return { key, cert, both, ca };
};
