import type { ClientState } from '../client/chart.js';
import type { Client } from '../client/handles.js';
import type { DialOptions, EndReason } from '../client/options.js';
import { Runtime } from '../client/runtime.js';
import { type NoContract, typed } from '../client/vocabulary.js';
import type { ContractShape } from '../contract/definitions.js';
import { Sharing, useShared } from './shared.js';

/** A client as a component sees it. */
export interface ClientView<App = NoContract, Names extends string = string> {
  /** The client. `undefined` on a server, before the component is mounted, and without a URL. */
  readonly client: Client<App, Names> | undefined;
  /** What the client is doing. `idle` without a client. */
  readonly state: ClientState;
  /** How the last line ended, or why the server refused it. */
  readonly reason: EndReason | undefined;
}

/** Options of `useClient`: those of `dial`, and a key. */
export interface ClientOptions<App = NoContract> extends DialOptions<App> {
  /** Tells clients of the same URL apart, such as by the id of the user. Default `''`. */
  readonly key?: string;
}

type View = ClientView<never>;
type Options = ClientOptions<never>;

/** What a component gives. */
interface Source {
  readonly url: string;
  readonly options: Options;
}

const idle: View = { client: undefined, state: 'idle', reason: undefined };

/** Shows a client until the returned function is called. */
const watch = (client: Client<never>, show: (view: View) => void): (() => void) => {
  const update = (): void => show({ client, state: client.state, reason: client.reason });
  const stop = client.subscribe(update);
  update();
  return stop;
};

/** Options whose hooks are those of the last render, as a hook of the first one would know old values only (RC3). */
const renewed = ({ key, ...options }: Options, newest: () => Options): Options => {
  const { auth, onReconnect, onError } = options;
  return {
    ...options,
    ...(auth && { auth: () => (newest().auth ?? auth)() }),
    ...(onReconnect && { onReconnect: (recovery) => (newest().onReconnect ?? onReconnect)(recovery) }),
    ...(onError && { onError: (error, where) => (newest().onError ?? onError)(error, where) }),
  };
};

/** The owner of all clients that components open. */
const page = {};

/** The clients that components open, by URL and key. */
const opened = new Sharing<object, View, Source>(idle, ({ show, newest }) => {
  const { url, options } = newest();
  const { client } = new Runtime(url, typed(renewed(options, () => newest().options)));
  const stop = watch(typed(client), show);
  return () => {
    stop();
    void client.close();
  };
});

/** The clients that the program dials. */
const given = new Sharing<object, View, Source>(idle, ({ owner, show }) => watch(typed(owner), show));

/**
 * Returns a client that is open while a component uses it, and renders again when its state changes. Components with
 * the same URL and key share one (RC1). Without a URL it dials nothing. Given a client, it opens and closes nothing.
 *
 * @throws {TypeError} in an effect, when the URL is none, or there is no WebSocket
 * @example
 * const { client, state, reason } = useClient('/live', { contract: app, auth: () => token });
 * const { ns: board } = useNamespace(client, 'board');
 * if (state === 'closed') return `Closed: ${reason?.text}`;
 */
export function useClient<const App extends ContractShape = NoContract, Names extends string = never>(
  url: string | null | undefined,
  options?: ClientOptions<App> & { readonly namespaces?: { readonly [Name in Names]?: unknown } },
): ClientView<App, Names>;
/**
 * Returns a client that the program has dialed, and renders again when its state changes. It opens and closes nothing.
 *
 * @example
 * const { state } = useClient(client);
 */
export function useClient<App, Names extends string>(
  client: Client<App, Names> | null | undefined,
): ClientView<App, Names>;
export function useClient(source: string | object | null | undefined, untyped: object = {}): unknown {
  const isUrl = typeof source === 'string';
  const url = isUrl ? source : '';
  const options: Options = untyped;
  return useShared(isUrl ? opened : given, isUrl ? page : (source ?? undefined), `${url} ${options.key ?? ''}`, {
    url,
    options,
  });
}
