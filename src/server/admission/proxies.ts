import type { IncomingHttpHeaders } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { plainAddress } from './addresses.js';

/** The proxies that a server trusts, as the option `trustProxy` says. */
export type TrustProxy = boolean | number | readonly string[];

/** The part of a request that says who sends it. A request that a program makes itself may have no socket. */
export interface Sent {
  /** The socket that it has come by. */
  readonly socket?: { readonly remoteAddress?: string | undefined };
  /** Its headers. */
  readonly headers: IncomingHttpHeaders;
}

/** The host to which a client has sent its request. */
export interface RequestedHost {
  /** The host, with its port if that is not the usual one. */
  readonly host: string | undefined;
  /** Whether a trusted proxy says that the client has used TLS. */
  readonly isSecure: boolean;
  /** The host that a proxy names which is not trusted. */
  readonly ignored: string | undefined;
}

/** Returns whether an address is that of a trusted proxy. `hop` is 0 for the peer, 1 for the one before it. */
type Trust = (address: string | undefined, hop: number) => boolean;

/** Maximum number of proxies between a client and the server. */
const mostHops = 32;

const takes = `takes true, false, the number of proxies up to ${mostHops}, or a list of their addresses`;
const example = "such as ['10.0.0.0/8', '::1']";

const wrong = (value: unknown): TypeError =>
  new TypeError(
    `option "trustProxy" ${takes}, ${example}, got ${typeof value === 'string' ? `"${value}"` : String(value)}`,
  );

const prefixPattern = /^(?:0|[1-9]\d{0,2})$/;

/** Returns the range that an entry of the list names, or `undefined` if it names none. */
const rangeOf = (entry: unknown) => {
  const [address = '', prefix, ...rest] = String(entry).split('/');
  const version = isIP(address);
  const longest = version === 4 ? 32 : 128;
  const length = prefix ?? String(longest);
  const isRange = version !== 0 && rest.length === 0 && prefixPattern.test(length) && Number(length) <= longest;
  return isRange ? { address, length: Number(length), family: familyOf(version) } : undefined;
};

const familyOf = (version: number): 'ipv4' | 'ipv6' => (version === 4 ? 'ipv4' : 'ipv6');

const trustIn = (entries: readonly unknown[]): Trust => {
  const ranges = new BlockList();
  for (const entry of entries) {
    const range = rangeOf(entry);
    if (!range)
      throw new TypeError(`option "trustProxy" lists addresses and ranges, ${example}, got "${String(entry)}"`);
    ranges.addSubnet(range.address, range.length, range.family);
  }
  return (address) => address !== undefined && ranges.check(address, familyOf(isIP(address)));
};

const trustOf = (value: unknown): Trust => {
  if (typeof value === 'boolean') return () => value;
  if (Array.isArray(value)) return trustIn(value);
  const isCount = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= mostHops;
  if (!isCount) throw wrong(value);
  return (_, hop) => hop < value;
};

/** Returns the values of a header that each proxy may add to, the oldest first. */
const valuesOf = (header: string | readonly string[] | undefined): readonly string[] =>
  header === undefined ? [] : String(header).split(',');

/** Returns the first value: that of the proxy which the client has reached. */
const firstOf = (header: string | readonly string[] | undefined): string | undefined =>
  valuesOf(header)[0]?.trim() || undefined;

/** Matches an address with its port, as some proxies write it. */
const withPort = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$/;

/** Returns the address that an entry of X-Forwarded-For names, or `undefined`. */
const forwardedAddress = (entry: string): string | undefined => {
  const text = entry.trim();
  const [, six, four] = withPort.exec(text) ?? [];
  return plainAddress(six ?? four ?? text);
};

const secure: ReadonlySet<string | undefined> = new Set(['https', 'wss']);

/** Reads what proxies say about a request, from those that the server trusts (HS17). */
export class Proxies {
  readonly #trusts: Trust;

  /**
   * Creates the reader.
   * @throws {TypeError} when the value is not one of the option `trustProxy`.
   */
  constructor(trustProxy: TrustProxy) {
    this.#trusts = trustOf(trustProxy);
  }

  /** Returns the address of a client: of the last peer that no trusted proxy stands before. */
  addressOf({ socket, headers }: Sent): string | undefined {
    let address = plainAddress(socket?.remoteAddress);
    // The header is not even split where the peer is not trusted.
    if (!this.#trusts(address, 0)) return address;
    const forwarded = valuesOf(headers['x-forwarded-for']).slice(-mostHops).reverse();
    for (const [hop, entry] of forwarded.entries()) {
      // What an untrusted peer says ends here, and so does what is no address.
      const before = this.#trusts(address, hop) ? forwardedAddress(entry) : undefined;
      if (before === undefined) return address;
      address = before;
    }
    return address;
  }

  /** Returns whether an untrusted peer names the client for which it sends a request, as a proxy does. */
  ignores({ socket, headers }: Sent): boolean {
    return headers['x-forwarded-for'] !== undefined && !this.#trusts(plainAddress(socket?.remoteAddress), 0);
  }

  /** Returns the host that a client has asked for. */
  hostOf({ socket, headers }: Sent): RequestedHost {
    const { host } = headers;
    const forwarded = firstOf(headers['x-forwarded-host']);
    const isTrusted = this.#trusts(plainAddress(socket?.remoteAddress), 0);
    if (!isTrusted) return { host, isSecure: false, ignored: forwarded };
    const proto = firstOf(headers['x-forwarded-proto'])?.toLowerCase();
    return { host: forwarded ?? host, isSecure: secure.has(proto), ignored: undefined };
  }
}
