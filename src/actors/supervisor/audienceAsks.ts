import type { Subscriber } from '../../broadcast/subscriber.js';
import { AskedMembers, type Topics } from '../../broadcast/topics.js';
import { emptyAnswer, type Frame, messageFrom } from '../../protocol/codec.js';
import { ErrNoAudience, ErrWrite } from '../../protocol/errors.js';
import type { Message, OutgoingMessage } from '../../protocol/message.js';
import { type Answer, type AskOptions, type AskTarget, TooManyAsks } from '../api/asks.js';
import { settle } from '../connection/commands.js';
import { Connection } from '../connection/connection.js';
import type { ServerContext } from '../context.js';
import { ignoreRejection } from '../runtime/guard.js';

/** What an ask of a whole audience works with. */
export interface AudienceAsksParts {
  readonly topics: Topics;
  readonly context: ServerContext;
  publish(message: OutgoingMessage, token: string): void;
  /** Asks the other servers as well; returns how to end that, or nothing when they cannot be asked. */
  askOthers(message: OutgoingMessage, token: string): (() => void) | undefined;
  /** Might others have an answer when nobody is left here? */
  hasOthers(): boolean;
}

/** Asks of audiences: everybody is asked whom a broadcast of the message would reach, and the first answer settles. */
export class AudienceAsks {
  /** Asks of other servers that are open here. */
  #foreign = 0;
  /** Our own that nobody here can answer any more. */
  readonly #deserted = new Set<string>();

  constructor(private readonly parts: AudienceAsksParts) {}

  /** Asks on behalf of the program (AK5, AK6, EX7). */
  ask(message: OutgoingMessage, options: AskOptions): Promise<Message> {
    const { context, hasOthers, askOthers } = this.parts;
    const asked = new Promise<Message>((resolve, reject) => {
      const subscribers = this.#subscribers(message);
      if (subscribers.size === 0 && !hasOthers()) return reject(ErrNoAudience);
      if (context.nativeMode === 'only') return resolve(messageFrom(emptyAnswer));
      let isOver = false;
      let end: (() => void) | undefined;
      const token = this.#open(message, subscribers, options, (answer) => {
        isOver = true;
        end?.();
        settle(answer, resolve, reject);
      });
      if (!isOver) end = askOthers(message, token);
      if (!end && subscribers.size === 0) context.asks.fail(token, ErrNoAudience);
    });
    return ignoreRejection(asked);
  }

  /** There is no way to the others any more: what nobody here can answer, nobody will (AK6). */
  othersGone(): void {
    for (const token of [...this.#deserted]) this.parts.context.asks.fail(token, ErrWrite);
  }

  /** Asks on behalf of another server; false when too many asks are open (EX8). */
  forward(message: OutgoingMessage, token: string, answered: (frame: Frame) => void): boolean {
    const { asks, limits, nativeMode } = this.parts.context;
    const subscribers = this.#subscribers(message);
    if (subscribers.size === 0 || nativeMode === 'only' || asks.isPending(token)) return true;
    if (this.#foreign >= limits.asks) return false;
    this.#foreign++;
    const closed = (answer: Answer): void => {
      this.#foreign--;
      if ('frame' in answer) answered(answer.frame);
    };
    this.#open(message, subscribers, { timeout: limits.remoteAskTimeout }, closed, token);
    return true;
  }

  #subscribers({ namespace = '', room = '', to }: OutgoingMessage): ReadonlySet<Subscriber> {
    const { topics } = this.parts;
    const members = topics.topic(namespace, room)?.members ?? nobody;
    if (to === undefined) return members;
    return new Set([...topics.withId(to)].filter((subscriber) => members.has(subscriber)));
  }

  /** Asks these, and returns the token. */
  #open(
    message: OutgoingMessage,
    subscribers: ReadonlySet<Subscriber>,
    options: AskOptions,
    answered: (answer: Answer) => void,
    given?: string,
  ): string {
    const { topics, context, hasOthers, publish } = this.parts;
    const { asks, audienceAsks, limits, fullInboxes } = context;
    const { namespace = '', room = '', to } = message;
    const topic = subscribers.size > 0 ? topics.topic(namespace, room) : undefined;
    const isForeign = given !== undefined;
    const deserted = (): void => {
      if (isForeign || !hasOthers()) asks.fail(token, ErrWrite);
      else this.#deserted.add(token);
    };
    const roll = topic && new AskedMembers(topic, to === undefined ? undefined : [...subscribers], deserted);
    const respondents: AskTarget = {
      mayAnswer: (connection) => connection instanceof Connection && (roll?.includes(connection.subscriber) ?? false),
    };
    if (!isForeign && audienceAsks.size - this.#foreign >= limits.asks) throw new TooManyAsks(limits.asks);
    const closed = (answer: Answer): void => {
      if (roll) topics.removeAsked(roll);
      audienceAsks.delete(respondents);
      this.#deserted.delete(token);
      answered(answer);
    };
    const token = asks.open(respondents, options, closed, given);
    if (roll) topics.addAsked(roll);
    audienceAsks.add(respondents);
    for (const inbox of fullInboxes) inbox.checkBounds();
    if (roll) publish(message, token);
    else deserted();
    return token;
  }
}

const nobody: ReadonlySet<Subscriber> = new Set();
