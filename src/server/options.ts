import type { IncomingMessage } from 'node:http';
import type { DisconnectReason } from '../actors/api/callbacks.js';
import type { Conn } from '../actors/api/conn.js';
import type { HandlersOf, NamespaceBodies, Namespaces, Where } from '../actors/api/handlers.js';
import type { AnyMessage, Use } from '../actors/api/middleware.js';
import type { DeclaredNamespace } from '../actors/api/namespace.js';
import type { NSConn } from '../actors/api/nsConn.js';
import type { EventBodies, NoContract } from '../actors/api/vocabulary.js';
import type { Machines } from '../actors/context.js';
import type { AuthenticationAttempt } from '../actors/sessions/authenticator.js';
import type { InspectionObserver } from '../actors/telemetry/inspection.js';
import type { RecorderLimits } from '../actors/telemetry/recorder.js';
import type { FrameLog } from '../actors/transport/loggedSocket.js';
import type { CompressionOptions } from '../broadcast/deflater.js';
import type { ContractShape } from '../contract/definitions.js';
import type { Limits } from '../limits.js';
import type { Origins } from './admission/origin.js';
import type { Proxies } from './admission/proxies.js';
import type { OwnMachines } from './machineContract.js';

// In this file, as the declarations of others are left out of the published types of a Server.
declare module '../actors/transport/socket.js' {
  interface Requests {
    readonly upgraded: IncomingMessage;
  }
}

/** What `authenticate` returns for a user whose token expires. */
interface Expiring<User> {
  /** The user. */
  readonly user: User;
  /** When the token expires: a Date, or the ms since 1970. The `exp` of a JWT is in seconds. */
  readonly expiresAt: Date | number;
}

/**
 * Options of a `Server`. `Sent` maps the events that it sends without a contract to their bodies, to check `emit` and
 * `ask`. `App` is the contract, `User` what `authenticate` returns, `Chart` the chart of `machines.connection`;
 * these are inferred.
 */
export interface ServerOptions<Sent = NamespaceBodies, App = NoContract, User = unknown, Chart = unknown> {
  /**
   * The events and asks of some namespaces, as `contract` returns them. It declares these namespaces, and what clients
   * send there is validated (CT8-CT11). Default: none.
   */
  readonly contract?: App;
  /** Whether data that the server sends is validated too, at some cost (CT13). Default false. */
  readonly checkOutgoing?: boolean;
  /**
   * Hook that says who a client is: returns the user or `{ user, expiresAt }`, or throws. It runs for every client before
   * its id is made, and again for each new token. `expiresAt` is a Date or the ms since 1970, so 1,000 times the `exp` of
   * a JWT (SS9). Write it before the hooks that use the user: TypeScript infers in this order. Default: no users.
   */
  readonly authenticate?: (attempt: AuthenticationAttempt) => User | Expiring<User> | Promise<User | Expiring<User>>;
  /**
   * Middleware around the handlers of all namespaces, the outermost first; that of a namespace is inside (MW1).
   * Default: none.
   */
  readonly use?: readonly Use<
    NSConn<EventBodies, NoInfer<User>, NoInfer<App>, NoInfer<Chart>>,
    AnyMessage<NoInfer<App>>,
    NoInfer<User>
  >[];
  /**
   * Namespaces, each with the handlers of its events. Default: none. Any client of a namespace may join any room of it,
   * unless `OnRoomJoin` refuses or `namespace(…, { rooms: 'closed' }, …)` leaves that to the server (RM8).
   */
  readonly namespaces?: Namespaces<Sent, NoInfer<App>, NoInfer<User>, NoInfer<Chart>>;
  /** Handlers of the empty namespace. Default: none. */
  readonly events?:
    | HandlersOf<unknown, NoInfer<App>, NoInfer<User>, '', NoInfer<Chart>>
    | DeclaredNamespace<'' extends keyof App ? App[''] : undefined, NoInfer<User>, NoInfer<Chart>>;
  /** Hook before the upgrade. An error that it throws or returns refuses it, with the error's `status` or 403 (HS1). */
  readonly onUpgrade?: (request: IncomingMessage) => unknown;
  /**
   * Returns true if a new token is of the same user (SS15). Default: whether both are equal primitives or have an equal
   * `id`. Only beside `authenticate`.
   */
  readonly sameUser?: (one: NoInfer<User>, other: NoInfer<User>) => boolean;
  /** Hook that accepts a connection. If it throws or rejects, the client receives the error's text and 1008 (HS7). */
  readonly onConnect?: (conn: Conn<NoInfer<User>, NoInfer<App>, NoInfer<Chart>>) => unknown;
  /** Hook after a connection has ended, called once (SV6). */
  readonly onDisconnect?: (
    conn: Conn<NoInfer<User>, NoInfer<App>, NoInfer<Chart>>,
    reason: DisconnectReason,
  ) => unknown;
  /** Hook for each refused upgrade, client and token (HS1, SS9). */
  readonly onUpgradeError?: (error: unknown, request: IncomingMessage) => unknown;
  /** Hook for every error of a handler, hook, visitor or chart (SV2). Default: errors are not reported. */
  readonly onError?: (error: unknown, where: Where) => unknown;
  /**
   * Returns the id of a new connection, 1 to 128 bytes. `user` is what `authenticate` returned (HS11, SS9). Default: a
   * random UUID.
   */
  readonly idGenerator?: (request: IncomingMessage, user: NoInfer<User>) => string | Promise<string>;
  /**
   * Whether clients are told the text of every error that a handler or hook throws. With false they are told that of a
   * `Refusal`, a `CloseError` or a known error, and `internal error` in place of any other (SV26). Default true.
   */
  readonly exposeErrors?: boolean;
  /** Whether every flowing socket has a message before `broadcast` returns (BC8). Default false. */
  readonly syncBroadcaster?: boolean;
  /** Whether `onDisconnect` is also called for connections that were not accepted (SV6). Default false. */
  readonly fireDisconnectAlways?: boolean;
  /** Maximum time of background work in one tick, in ms. Default 4. On breach: the rest waits for later ticks (BC5). */
  readonly sliceMs?: number;
  /** Limits that differ from `defaultLimits`. */
  readonly limits?: Partial<Limits>;
  /** Origins allowed in a browser's upgrade: the request's own host, any, or a list. Default `'same-host'` (HS13). */
  readonly origins?: 'same-host' | 'any' | readonly string[];
  /**
   * Proxies whose X-Forwarded-For, -Host and -Proto are believed: all, their number, or a list of addresses and ranges
   * such as `'10.0.0.0/8'` (HS17). Default false.
   */
  readonly trustProxy?: boolean | number | readonly string[];
  /**
   * Whether broadcasts are compressed for clients that agree to `permessage-deflate`, and from which size on (CP1, CP2).
   * `true`: above 1,024 bytes, at level 1. Default false.
   */
  readonly compression?: boolean | Partial<CompressionOptions>;
  /** Charts that replace Muster's own, such as `connectionMachine.provide({ … })`; see docs/machines.md (SV18). */
  readonly machines?: Partial<OwnMachines<Chart>>;
  /** Subprotocols to choose from, in order of preference. Default: none (HS16). */
  readonly protocols?: readonly string[];
  /** Headers allowed as URL parameters, beside `x-websocket-reconnect` and `x-muster`. They never replace a real header (HS14). */
  readonly urlHeaders?: readonly string[];
  /** Observer of all actors from the start, in XState's inspection format; see `server.inspect` (IN1). */
  readonly inspect?: InspectionObserver;
  /**
   * Recorder of the last steps of every connection, or of a sample. `onDisconnect` receives them if a connection ends
   * abnormally (IN5). Default false. `true`: 16 steps of every connection.
   */
  readonly recorder?: boolean | Partial<RecorderLimits>;
  /** Whether to log every frame, without its body: to the console, or to a function (SV12). Default false. */
  readonly debug?: boolean | FrameLog;
}

/** The options after the check, with defaults. Members are as in `ServerOptions`. */
export interface CheckedOptions
  extends Omit<
    ServerOptions,
    'urlHeaders' | 'recorder' | 'machines' | 'contract' | 'events' | 'trustProxy' | 'use' | 'compression'
  > {
  /** The contract, if there is one. */
  readonly contract: ContractShape | undefined;
  /** Handlers of the empty namespace. */
  readonly events: unknown;
  /** Middleware around all handlers. */
  readonly use: unknown;
  /** Whether data that the program sends is validated. */
  readonly checkOutgoing: boolean;
  /** Whether clients are told the text of every error. */
  readonly exposeErrors: boolean;
  /** Charts of the program that passed the check (SV18). */
  readonly machines?: Partial<Machines>;
  /** Namespaces with their handlers. */
  readonly namespaces: Namespaces;
  /** Every limit. */
  readonly limits: Limits;
  /** Allowed origins. */
  readonly origins: Origins;
  /** What proxies say, from those that are trusted. */
  readonly proxies: Proxies;
  /** Subprotocols, in order of preference. */
  readonly protocols: readonly string[];
  /** Lower-case names of headers allowed as URL parameters. */
  readonly urlHeaders: ReadonlySet<string>;
  /** How broadcasts are compressed, or `undefined` if they are not. */
  readonly compression: CompressionOptions | undefined;
  /** Limits of the recorder, or `undefined` if it is off. */
  readonly recorder: RecorderLimits | undefined;
  /** Maximum time of background work in one tick, in ms. */
  readonly sliceMs: number;
  /** Whether `broadcast` writes before it returns. */
  readonly syncBroadcaster: boolean;
  /** Whether `onDisconnect` is also called for connections that were not accepted. */
  readonly fireDisconnectAlways: boolean;
}
