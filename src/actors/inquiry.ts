import { type Audience, Roll, type Seat } from '../broadcast/audience.js';
import type { Broadcaster } from '../broadcast/broadcaster.js';
import { emptyAnswer, messageFrom } from '../protocol/codec.js';
import { ErrNoAudience, ErrWrite } from '../protocol/errors.js';
import type { Message, OutgoingMessage } from '../protocol/message.js';
import { type AskOptions, type Asks, type Respondents, TooManyAsks, tame } from './asks.js';
import { settle } from './calls.js';

/** What an ask of a whole audience works with. */
export interface InquiryParts {
  readonly audience: Audience;
  readonly broadcaster: Broadcaster;
  readonly asks: Asks;
  /** There are native messages only: nobody can be asked (HS10). */
  readonly isNativeOnly: boolean;
  seatOf(connection: object): Seat | undefined;
  /** Asks of audiences that wait for an answer, and how many may. */
  readonly pending: number;
  readonly mostPending: number;
  /** It waits for an answer, or does no more. */
  opened(inquiry: Respondents): void;
  closed(inquiry: Respondents): void;
}

/** Asks everybody whom a broadcast of this message would reach; the first answer settles (AK5, AK6). */
export const inquire = (message: OutgoingMessage, options: AskOptions, parts: InquiryParts): Promise<Message> => {
  const asked = new Promise<Message>((resolve, reject) => {
    const { audience, broadcaster, asks, seatOf } = parts;
    const { namespace = '', room = '', to } = message;
    const topic = audience.topic(namespace, room);
    const only = to === undefined ? undefined : [...audience.withId(to)].filter((seat) => topic?.members.has(seat));
    if (!topic || (only?.length ?? topic.members.size) === 0) return reject(ErrNoAudience);
    if (parts.isNativeOnly) return resolve(messageFrom(emptyAnswer));
    const roll = new Roll(topic, only, () => asks.fail(token, ErrWrite));
    const respondents: Respondents = {
      mayAnswer: (connection) => {
        const seat = seatOf(connection);
        return seat !== undefined && roll.includes(seat);
      },
    };
    if (parts.pending >= parts.mostPending) throw new TooManyAsks(parts.mostPending);
    const token = asks.open(respondents, options, (answer) => {
      audience.closeRoll(roll);
      parts.closed(respondents);
      settle(answer, resolve, reject);
    });
    audience.openRoll(roll);
    parts.opened(respondents);
    broadcaster.issue(message, { except: null, exceptId: null }, token);
  });
  return tame(asked);
};
