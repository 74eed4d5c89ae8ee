import { errorText } from '../protocol/errors.js';
import type { Body } from '../protocol/message.js';
import { fromClient, givenUp, sessionHint } from '../protocol/session.js';
import {
  type ClientContext,
  type ClientDelay,
  type ClientEffect,
  type ClientEvent,
  type ClientState,
  delays,
  initialContext,
  next,
  states,
} from './chart.js';
import { TokenRefresh } from './line/auth.js';
import type { ClientCounters } from './line/counters.js';
import { Heartbeat } from './line/heartbeat.js';
import type { ClientParts } from './line/parts.js';
import { Line, type LineListener, type SocketPort } from './line/socket.js';
import { withHeaders } from './line/url.js';
import type { DialOptions, EndReason } from './options.js';
import type { Outbox } from './outbox.js';

/** What the connector tells its client. */
export interface ConnectorListener {
  /** What goes out. */
  readonly outbox: Outbox;
  /** A line is greeted: namespaces and rooms can be entered. `onEntered` is due when they are. */
  onGreeted(line: Line): void;
  /** The client is online. */
  onOnline(line: Line): void;
  /** A data message has come. */
  onData(payload: Body, line: Line): void;
  /** A line is lost. */
  onLost(line: Line): void;
  /** The client dials no more. It may be told twice. */
  onClosing(): void;
  /** The client is closed. */
  onClosed(): void;
  /** The state has changed. */
  onState(state: ClientState): void;
  /** Tells the program an error. */
  report(error: unknown, during: string): void;
}

/** Maximum number that is taken from a server: an hour in ms. A timer takes no more than 24 days. */
const maxNumber = 3_600_000;

/** A number that a server sends, or a default where it sends nothing sensible. */
const numberOr = (value: unknown, least: number, otherwise: number): number =>
  typeof value === 'number' && value >= least ? Math.min(value, maxNumber) : otherwise;

/** Members of an object that a server sends as JSON. */
type Fields = Readonly<Record<string, unknown>>;

/** Returns any value as an object: each member is checked where it is read. */
const fieldsOf = (value: unknown): Fields => Object(value);

const parseFields = (body: string): Fields => {
  try {
    return fieldsOf(JSON.parse(body));
  } catch {
    return {};
  }
};

/** Keeps a client on a line: it runs the chart, and does what the chart asks for (CL1 to CL7). */
export class Connector implements LineListener {
  /** What the client is doing. */
  state: ClientState = 'idle';
  /** How the last line ended. */
  reason: EndReason | undefined;
  /** The id that the server gave the last line. */
  id = '';
  #context: ClientContext;
  #timers: unknown[] = [];
  #line: Line | undefined;
  /** The present dial. Whatever an earlier one brings is void. */
  #attempt = {};
  #wasOnline = false;
  /** Number of dials in this outage. */
  #redials = 0;
  #isStepping = false;
  readonly #events: ClientEvent[] = [];
  readonly #heartbeat: Heartbeat;
  readonly #refresh: TokenRefresh | undefined;
  readonly #unlisten: () => void;
  readonly #effects: Readonly<Record<ClientEffect, () => void>> = {
    dial: () => void this.#dial(),
    enter: () => this.#line && this.listener.onGreeted(this.#line),
    resume: () => {
      this.#wasOnline = true;
      this.#redials = 0;
      if (this.#line) this.listener.onOnline(this.#line);
    },
    giveUp: () => this.#detach()?.drop(givenUp, this.#context.text),
    hangUp: () => {
      this.#detach()?.hangUp();
      this.listener.onClosing();
    },
    end: () => {
      this.#detach();
      this.#unlisten();
      this.listener.onClosing();
      this.listener.onClosed();
    },
  };

  constructor(
    private readonly url: string,
    private readonly options: Pick<DialOptions, 'auth' | 'headers' | 'protocols' | 'WebSocket'>,
    private readonly parts: ClientParts,
    private readonly counters: ClientCounters,
    /** Whether there is a greeting. There is none where only native messages are spoken. */
    private readonly greets: boolean,
    private readonly listener: ConnectorListener,
  ) {
    const { clock, environment } = parts;
    if (!options.WebSocket && !parts.WebSocket)
      throw new TypeError('there is no WebSocket here: dial(url, { WebSocket })');
    this.#context = initialContext(environment.isOffline());
    this.#heartbeat = new Heartbeat(
      clock,
      () => {
        this.#line?.send(fromClient('ping', String(this.#line.received)));
        if (this.#line) listener.outbox.notePing(this.#line);
      },
      () => {
        counters.silences++;
        this.take({ type: 'SILENT' });
      },
    );
    if (options.auth) {
      this.#refresh = new TokenRefresh(
        parts,
        options.auth,
        (token) => this.#line?.send(fromClient('auth', token)),
        (error) => listener.report(error, 'auth'),
      );
    }
    this.#unlisten = environment.listen((type) => {
      if (type !== 'OFFLINE') this.#heartbeat.probe();
      this.take({ type });
    });
  }

  /** Takes an event: at once, or after those that are under way. */
  take(event: ClientEvent): void {
    this.#events.push(event);
    if (this.#isStepping) return;
    this.#isStepping = true;
    for (let due = this.#events.shift(); due; due = this.#events.shift()) this.#step(due);
    this.#isStepping = false;
  }

  /** Everything is entered on this line. An earlier line is over. */
  entered(line: Line): void {
    if (line === this.#line) this.take({ type: 'ENTERED' });
  }

  #step(event: ClientEvent): void {
    const before = this.state;
    const { state, context, isEntry, effects } = next(before, this.#context, event);
    const { code, text } = context;
    if (code !== this.#context.code || text !== this.#context.text) this.reason = { code, text };
    this.state = state;
    this.#context = context;
    if (isEntry) this.#setTimers();
    for (const effect of effects) this.#effects[effect]();
    if (state !== before) this.listener.onState(state);
  }

  #setTimers(): void {
    const { clock, random } = this.parts;
    for (const timer of this.#timers) clock.clearTimeout(timer);
    // The keys of `after` are names of delays.
    const names = Object.keys(states[this.state].after ?? {}) as ClientDelay[];
    this.#timers = names.map((type) =>
      clock.setTimeout(() => this.take({ type }), delays[type](this.#context, random)),
    );
  }

  /** Lets the line go. Returns it. What is under way of its dial is void. */
  #detach(): Line | undefined {
    const line = this.#line;
    this.#line = undefined;
    this.#attempt = {};
    this.#heartbeat.stop();
    this.#refresh?.stop();
    if (line) this.listener.onLost(line);
    return line;
  }

  async #dial(): Promise<void> {
    const attempt = {};
    this.#attempt = attempt;
    const { auth } = this.options;
    try {
      const token = auth && (await auth());
      if (this.#attempt === attempt) this.#open(token);
    } catch (error) {
      if (this.#attempt !== attempt) return;
      this.listener.report(error, auth ? 'auth' : 'dial');
      this.take({ type: 'LOST', code: 1006, text: errorText(error) });
    }
  }

  #open(token: string | undefined): void {
    const { WebSocket: given, protocols = [] } = this.options;
    const headers: Record<string, string> = { ...this.options.headers };
    if (this.greets) headers[sessionHint] = 'hello';
    if (this.#wasOnline) headers['X-Websocket-Reconnect'] = String(++this.#redials);
    const Socket = given ?? this.parts.WebSocket;
    if (!Socket) return;
    // A WebSocket class makes objects with these members, by its standard.
    const socket = new Socket(given ? this.url : withHeaders(this.url, headers), [...protocols], {
      headers,
    }) as SocketPort;
    this.#line = new Line(socket, this.counters, this, this.greets, token);
  }

  onOpen(): void {
    this.take({ type: 'OPENED' });
  }
  onAccepted(id: string): void {
    this.id = id;
    this.take({ type: 'GREETED' });
  }
  onRefused(text: string): void {
    this.take({ type: 'REFUSED', text });
  }
  onData(payload: Body, line: Line): void {
    this.#heartbeat.heard();
    this.listener.onData(payload, line);
  }
  onEnd(code: number, text: string): void {
    this.#detach();
    this.take({ type: 'LOST', code, text });
  }
  onVerb(verb: string, body: string, line: Line): void {
    this.#heartbeat.heard();
    switch (verb) {
      case 'welcome': {
        const { ping, storm, outbox, auth } = parseFields(body);
        const { frames, bytes } = fieldsOf(outbox);
        const waiting = this.listener.outbox;
        waiting.maxFrames = numberOr(frames, 1, waiting.maxFrames);
        waiting.maxBytes = numberOr(bytes, 1, waiting.maxBytes);
        this.#heartbeat.start(numberOr(ping, 1_000, 25_000));
        this.take({ type: 'STORM', storm: numberOr(storm, 0, 0) });
        this.#expectExpiry(fieldsOf(auth));
        return;
      }
      case 'pong': {
        this.listener.outbox.notePong(line);
        const storm = numberOr(Number(body.split(' ')[1]), 0, -1);
        if (storm >= 0) this.take({ type: 'STORM', storm });
        return;
      }
      case 'authed': {
        const { error, final, ttl } = parseFields(body);
        if (error === undefined) return this.#expectExpiry({ ttl });
        this.listener.report(new Error(String(error)), 'auth');
        if (final !== true) this.#refresh?.retry();
        return;
      }
      default:
        this.counters.unknownVerbs++;
    }
  }

  #expectExpiry({ ttl }: Fields): void {
    if (typeof ttl === 'number' && ttl > 0) this.#refresh?.start(ttl);
  }
}
