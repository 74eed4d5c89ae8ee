import type { Seat } from '../../broadcast/subscriber.js';
import { type Audience, Roll } from '../../broadcast/topics.js';
import { emptyAnswer, type Frame, messageFrom } from '../../protocol/codec.js';
import { ErrNoAudience, ErrWrite } from '../../protocol/errors.js';
import type { Message, OutgoingMessage } from '../../protocol/message.js';
import { type Answer, type AskOptions, type Respondents, TooManyAsks } from '../api/asks.js';
import { settle } from '../connection/commands.js';
import type { House } from '../context.js';
import { tame } from '../runtime/guard.js';

/** What an ask of a whole audience works with. */
export interface InquiryParts {
  readonly audience: Audience;
  readonly house: House;
  seatOf(connection: object): Seat | undefined;
  issue(message: OutgoingMessage, token: string): void;
  /** Asks the other servers as well; returns how to end that, or nothing when they cannot be asked. */
  askOthers(message: OutgoingMessage, token: string): (() => void) | undefined;
  /** Might others have an answer when nobody is left here? */
  hasOthers(): boolean;
}

/** Asks of audiences: everybody is asked whom a broadcast of the message would reach, and the first answer settles. */
export class Inquiries {
  /** Asks of other servers that are open here. */
  #foreign = 0;
  /** Our own that nobody here can answer any more. */
  readonly #deserted = new Set<string>();

  constructor(private readonly parts: InquiryParts) {}

  /** Asks on behalf of the program (AK5, AK6, EX7). */
  ask(message: OutgoingMessage, options: AskOptions): Promise<Message> {
    const { house, hasOthers, askOthers } = this.parts;
    const asked = new Promise<Message>((resolve, reject) => {
      const seats = this.#seats(message);
      if (seats.size === 0 && !hasOthers()) return reject(ErrNoAudience);
      if (house.nativeMode === 'only') return resolve(messageFrom(emptyAnswer));
      let isOver = false;
      let end: (() => void) | undefined;
      const token = this.#open(message, seats, options, (answer) => {
        isOver = true;
        end?.();
        settle(answer, resolve, reject);
      });
      if (!isOver) end = askOthers(message, token);
      if (!end && seats.size === 0) house.asks.fail(token, ErrNoAudience);
    });
    return tame(asked);
  }

  /** There is no way to the others any more: what nobody here can answer, nobody will (AK6). */
  othersGone(): void {
    for (const token of [...this.#deserted]) this.parts.house.asks.fail(token, ErrWrite);
  }

  /** Asks on behalf of another server; false when too many asks are open (EX8). */
  forward(message: OutgoingMessage, token: string, answered: (frame: Frame) => void): boolean {
    const { asks, limits, nativeMode } = this.parts.house;
    const seats = this.#seats(message);
    if (seats.size === 0 || nativeMode === 'only' || asks.isPending(token)) return true;
    if (this.#foreign >= limits.asks) return false;
    this.#foreign++;
    const closed = (answer: Answer): void => {
      this.#foreign--;
      if ('frame' in answer) answered(answer.frame);
    };
    this.#open(message, seats, { timeout: limits.forwardTimeout }, closed, token);
    return true;
  }

  #seats({ namespace = '', room = '', to }: OutgoingMessage): ReadonlySet<Seat> {
    const { audience } = this.parts;
    const members = audience.topic(namespace, room)?.members ?? nobody;
    if (to === undefined) return members;
    return new Set([...audience.withId(to)].filter((seat) => members.has(seat)));
  }

  /** Asks these, and returns the token. */
  #open(
    message: OutgoingMessage,
    seats: ReadonlySet<Seat>,
    options: AskOptions,
    answered: (answer: Answer) => void,
    given?: string,
  ): string {
    const { audience, house, seatOf, hasOthers, issue } = this.parts;
    const { asks, inquiries, limits, fullLanes } = house;
    const { namespace = '', room = '', to } = message;
    const topic = seats.size > 0 ? audience.topic(namespace, room) : undefined;
    const isForeign = given !== undefined;
    const deserted = (): void => {
      if (isForeign || !hasOthers()) asks.fail(token, ErrWrite);
      else this.#deserted.add(token);
    };
    const roll = topic && new Roll(topic, to === undefined ? undefined : [...seats], deserted);
    const respondents: Respondents = {
      mayAnswer: (connection) => {
        const seat = seatOf(connection);
        return seat !== undefined && (roll?.includes(seat) ?? false);
      },
    };
    if (!isForeign && inquiries.size - this.#foreign >= limits.asks) throw new TooManyAsks(limits.asks);
    const closed = (answer: Answer): void => {
      if (roll) audience.closeRoll(roll);
      inquiries.delete(respondents);
      this.#deserted.delete(token);
      answered(answer);
    };
    const token = asks.open(respondents, options, closed, given);
    if (roll) audience.openRoll(roll);
    inquiries.add(respondents);
    for (const lane of fullLanes) lane.review();
    if (roll) issue(message, token);
    else deserted();
    return token;
  }
}

const nobody: ReadonlySet<Seat> = new Set();
