const parameter = 'X-Websocket-Header-';

/**
 * Returns the absolute URL of a WebSocket. A page may leave out what it has itself; a URL without a scheme gets `ws://`.
 *
 * @throws {TypeError} when there is no such URL
 */
export const resolveUrl = (url: string, base: string | undefined): string => {
  try {
    const isWhole = base !== undefined || /^\w+:\/\//.test(url);
    const { href } = new URL(isWhole ? url : `ws://${url}`, base);
    // A page has http or https, and a WebSocket ws or wss.
    const socketUrl = href.replace(/^http/, 'ws');
    if (/^wss?:/.test(socketUrl)) return socketUrl.replace(/#.*/, '');
  } catch {
    // Told below.
  }
  throw new TypeError(`dial takes a URL such as wss://example.com/live, got ${String(url)}`);
};

/** Returns a URL that carries headers as parameters, as a browser cannot send them (CL4). */
export const withHeaders = (url: string, headers: Readonly<Record<string, string>>): string => {
  const whole = new URL(url);
  for (const [name, value] of Object.entries(headers)) whole.searchParams.append(parameter + name, value);
  return whole.href;
};
