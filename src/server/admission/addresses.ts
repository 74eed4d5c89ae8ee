import { isIP, isIPv4 } from 'node:net';

/** The number of 16-bit groups of an IPv6 address. */
const groupCount = 8;
/** What the first six groups of an IPv4-mapped address are. */
const mapped = '0:0:0:0:0:ffff';

/** Returns the eight groups of an IPv6 address, as hexadecimal without leading zeros. */
const groupsOf = (address: string): readonly string[] => {
  // A URL knows every spelling of an address and has one of them. It takes no zone.
  const { hostname } = new URL(`http://[${address.split('%', 1)[0]}]`);
  const [left = [], right = []] = hostname
    .slice(1, -1)
    .split('::')
    .map((half) => half.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: groupCount - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right];
};

/** What an IPv4-mapped address begins with, as Node writes it. */
const mappedStart = '::ffff:';

const dotted = (groups: readonly string[]): string =>
  groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]).join('.');

/**
 * Returns the one spelling of an IP address, without a zone; an IPv4-mapped address as IPv4 (HS17). Returns `undefined`
 * for any other text.
 */
export const plainAddress = (text: string | undefined): string | undefined => {
  if (text === undefined) return undefined;
  // A server that listens on `::` sees every client of IPv4 by such an address.
  const four = text.startsWith(mappedStart) ? text.slice(mappedStart.length) : text;
  if (isIPv4(four)) return four;
  if (isIP(text) === 0) return undefined;
  const groups = groupsOf(text);
  if (groups.slice(0, 6).join(':') === mapped) return dotted(groups.slice(6));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
};

/** Returns the network of a plain address that one client has to itself: of IPv6 its first 64 bits (HS15). */
export const networkOf = (address: string): string =>
  address.includes(':') ? groupsOf(address).slice(0, 4).join(':') : address;
