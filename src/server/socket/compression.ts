import type { IncomingMessage } from 'node:http';
import type { FrameSink } from '../../protocol/frame.js';

/** Compresses what is written to the clients that agreed to it. */
export interface Compression {
  /** Returns the bytes to write, in place of these, to a client that agreed to compression. */
  toWrite(bytes: Uint8Array): Uint8Array;
}

/** The name of the extension (RFC 7692). */
export const deflateExtension = 'permessage-deflate';

/** A parameter of an offer that the server can accept. Frames are shared, so all clients have a window of 32 KiB. */
const acceptable =
  /^(?:(?:server|client)_no_context_takeover|client_max_window_bits(?:=(?:[89]|1[0-5]))?|server_max_window_bits=15)$/;

/** The header by which a client offers extensions. */
const extensionHeader = 'sec-websocket-extensions';

const trim = (text: string): string => text.trim();

/** Returns the first offer that the server accepts; `undefined` if there is none. */
const acceptedOffer = (offers: string): string | undefined =>
  offers
    .split(',')
    .map(trim)
    .find((offer) => {
      const [name, ...parameters] = offer.split(';').map(trim);
      const names = new Set(parameters.map((parameter) => parameter.split('=', 1)[0]));
      const isSound = names.size === parameters.length && parameters.every((parameter) => acceptable.test(parameter));
      return name === deflateExtension && isSound;
    });

/**
 * Leaves of a request's offers the one that the server accepts, or none: for another, `ws` would refuse the whole upgrade,
 * where the RFC has a server decline the offer (CP1). Returns a function that restores the header.
 */
export const keepAcceptedOffer = ({ headers }: Pick<IncomingMessage, 'headers'>): (() => void) => {
  const offers = headers[extensionHeader];
  if (offers === undefined) return () => {};
  headers[extensionHeader] = acceptedOffer(offers);
  return () => {
    headers[extensionHeader] = offers;
  };
};

/** The socket of a client that agreed to compression. Takes plain frames, and writes those of broadcasts compressed. */
export class DeflatingSink implements FrameSink {
  constructor(
    private readonly inner: FrameSink,
    private readonly compression: Compression,
  ) {}

  /** Whether the socket takes bytes. */
  get writable(): boolean {
    return this.inner.writable;
  }

  /** Writes frames. Returns false if the socket may be full. */
  write(bytes: Uint8Array): boolean {
    return this.inner.write(this.compression.toWrite(bytes));
  }
}
