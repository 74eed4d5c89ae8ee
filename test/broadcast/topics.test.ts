import { describe, expect, test } from 'vitest';
import { Subscriber } from '../../src/broadcast/subscriber.js';
import { AskedMembers, type Recipient, type Topic, Topics } from '../../src/broadcast/topics.js';

const recipient = (id: string): Recipient => ({
  id,
  hasRoom: true,
  filled() {},
  outboxGrew() {},
});

type Address = readonly [namespace: string, room: string];

const seatIn = (topics: Topics, id: string, ...places: readonly Address[]): Subscriber => {
  const subscriber = new Subscriber(recipient(id), { writable: true, write: () => true }, 0);
  topics.add(subscriber);
  for (const [namespace, room] of places) topics.join(subscriber, namespace, room);
  return subscriber;
};

const membersOf = (topics: Topics, namespace: string, room: string): Subscriber[] | undefined => {
  const topic = topics.topic(namespace, room);
  return topic && [...topic.members];
};

const topicOf = (topics: Topics, namespace: string, room: string): Topic => {
  const topic = topics.topic(namespace, room);
  if (!topic) throw new Error(`nobody is in ${namespace}/${room}`);
  return topic;
};

describe('places', () => {
  test('[BC1] a namespace and each room of it have members of their own', () => {
    const topics = new Topics();
    const a = seatIn(topics, 'a', ['n', '']);
    const b = seatIn(topics, 'b', ['n', ''], ['n', 'r']);
    expect(membersOf(topics, 'n', '')).toEqual([a, b]);
    expect(membersOf(topics, 'n', 'r')).toEqual([b]);
    expect(topics.topic('n', 's')).toBeUndefined();
    expect(topics.topic('m', '')).toBeUndefined();
    expect(b.topics.map(({ room }) => room)).toEqual(['', 'r']);
  });

  test.each<{ readonly one: Address; readonly other: Address }>([
    { one: ['a', 'b;c'], other: ['a;b', 'c'] },
    { one: ['ab', ''], other: ['a', 'b'] },
    { one: ['', 'a'], other: ['a', ''] },
    { one: ['__proto__', ''], other: ['', '__proto__'] },
    { one: ['a/b', 'c'], other: ['a', 'b/c'] },
    { one: ['a\0b', 'c'], other: ['a', 'b\0c'] },
  ])('[BC1] $one and $other share nothing', ({ one, other }) => {
    const topics = new Topics();
    const subscriber = seatIn(topics, 'x', one);
    expect(topics.topic(...other)).toBeUndefined();
    const second = seatIn(topics, 'y', other);
    expect([...topicOf(topics, ...one).members]).toEqual([subscriber]);
    expect([...topicOf(topics, ...other).members]).toEqual([second]);
  });

  test('[BC2] who joins twice is in once', () => {
    const topics = new Topics();
    const subscriber = seatIn(topics, 'a', ['n', ''], ['n', '']);
    expect(membersOf(topics, 'n', '')).toEqual([subscriber]);
    expect(subscriber.topics).toHaveLength(1);
    topics.leave(subscriber, 'n', '');
    expect(topics.topic('n', '')).toBeUndefined();
  });

  test('[SV3] who leaves is gone, and an empty place is no place', () => {
    const topics = new Topics();
    const a = seatIn(topics, 'a', ['n', ''], ['n', 'r']);
    const b = seatIn(topics, 'b', ['n', '']);
    topics.leave(a, 'n', 'r');
    topics.leave(a, 'n', 'r');
    topics.leave(a, 'n', 'elsewhere');
    topics.leave(b, 'n', 'r');
    expect(topics.topic('n', 'r')).toBeUndefined();
    expect(membersOf(topics, 'n', '')).toEqual([a, b]);
    expect(a.topics.map(({ room }) => room)).toEqual(['']);
  });

  test('[BC1] leaving what others are in changes nothing for them', () => {
    const topics = new Topics();
    const member = seatIn(topics, 'a', ['n', 'r']);
    topics.leave(seatIn(topics, 'b'), 'n', 'r');
    expect(membersOf(topics, 'n', 'r')).toEqual([member]);
  });

  test('[RM1] the names of rooms that have members', () => {
    const topics = new Topics();
    const subscriber = seatIn(topics, 'a', ['n', ''], ['n', 'r'], ['n', 's'], ['m', 't']);
    expect(topics.roomNames('n')).toEqual(['r', 's']);
    expect(topics.roomNames('nowhere')).toEqual([]);
    topics.leave(subscriber, 'n', 'r');
    expect(topics.roomNames('n')).toEqual(['s']);
  });
});

describe('ids', () => {
  test('[HS11] several may share an id', () => {
    const topics = new Topics();
    const first = seatIn(topics, 'joe');
    const second = seatIn(topics, 'joe');
    seatIn(topics, 'ann');
    expect([...topics.withId('joe')]).toEqual([first, second]);
    expect([...topics.withId('nobody')]).toEqual([]);
  });

  test('[SV3] who departs leaves everything at once, and nothing remains', () => {
    const topics = new Topics();
    const other = seatIn(topics, 'joe', ['n', '']);
    const subscriber = seatIn(topics, 'joe', ['n', ''], ['n', 'r'], ['m', '']);
    topics.remove(subscriber);
    topics.remove(subscriber);
    expect(subscriber.topics).toEqual([]);
    expect([...topics.withId('joe')]).toEqual([other]);
    expect(membersOf(topics, 'n', '')).toEqual([other]);
    expect([topics.topic('n', 'r'), topics.topic('m', '')]).toEqual([undefined, undefined]);
    topics.remove(other);
    expect([...topics.withId('joe')]).toEqual([]);
    expect(topics.topic('n', '')).toBeUndefined();
  });
});

describe('whom an ask was issued to', () => {
  const asked = (topics: Topics, only?: readonly Subscriber[]) => {
    const ends: string[] = [];
    const roll = new AskedMembers(topicOf(topics, 'n', ''), only, () => ends.push('deserted'));
    topics.addAsked(roll);
    return { roll, ends };
  };

  test('[AK6] who was there may answer, also after it has left; who came later may not', () => {
    const topics = new Topics();
    const stays = seatIn(topics, 'a', ['n', '']);
    const leaves = seatIn(topics, 'b', ['n', '']);
    const never = seatIn(topics, 'c', ['m', '']);
    const { roll } = asked(topics);
    topics.leave(leaves, 'n', '');
    const late = seatIn(topics, 'd', ['n', '']);
    expect([stays, leaves, never, late].map((subscriber) => roll.includes(subscriber))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    topics.leave(late, 'n', '');
    topics.join(leaves, 'n', '');
    topics.leave(leaves, 'n', '');
    expect([stays, leaves, never, late].map((subscriber) => roll.includes(subscriber))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('[AK6] it is deserted when the last that was there has closed, wherever it was by then', () => {
    const topics = new Topics();
    const stays = seatIn(topics, 'a', ['n', '']);
    const leaves = seatIn(topics, 'b', ['n', '']);
    const { ends } = asked(topics);
    const late = seatIn(topics, 'c', ['n', '']);
    topics.leave(leaves, 'n', '');
    topics.remove(stays);
    topics.remove(stays);
    topics.remove(late);
    expect(ends).toEqual([]);
    topics.remove(leaves);
    expect(ends).toEqual(['deserted']);
  });

  test('[AK6] who has left and come again is still one', () => {
    const topics = new Topics();
    const subscriber = seatIn(topics, 'a', ['n', '']);
    seatIn(topics, 'b', ['n', '']);
    const { ends } = asked(topics);
    topics.leave(subscriber, 'n', '');
    topics.join(subscriber, 'n', '');
    topics.remove(subscriber);
    expect(ends).toEqual([]);
  });

  test('[AK6] when an id was asked, only its members may answer', () => {
    const topics = new Topics();
    const joe = seatIn(topics, 'joe', ['n', '']);
    const ann = seatIn(topics, 'ann', ['n', '']);
    const { roll, ends } = asked(topics, [joe]);
    const late = seatIn(topics, 'joe', ['n', '']);
    topics.leave(joe, 'n', '');
    expect([joe, ann, late].map((subscriber) => roll.includes(subscriber))).toEqual([true, false, false]);
    topics.remove(ann);
    topics.remove(late);
    expect(ends).toEqual([]);
    topics.remove(joe);
    expect(ends).toEqual(['deserted']);
  });

  test('[AK6] who rejoins an empty place is known as a latecomer, if it is one', () => {
    const topics = new Topics();
    const subscriber = seatIn(topics, 'a', ['n', '']);
    const { roll } = asked(topics);
    topics.leave(subscriber, 'n', '');
    const late = seatIn(topics, 'b', ['n', '']);
    expect([roll.includes(subscriber), roll.includes(late)]).toEqual([true, false]);
  });

  test('[SV3] a settled ask leaves nothing behind', () => {
    const topics = new Topics();
    const subscriber = seatIn(topics, 'a', ['n', '']);
    const { roll, ends } = asked(topics);
    const topic = topicOf(topics, 'n', '');
    topics.remove(subscriber);
    expect(topics.topic('n', '')).toBe(topic);
    topics.removeAsked(roll);
    topics.removeAsked(roll);
    expect(topics.topic('n', '')).toBeUndefined();
    expect([topic.asked, ends]).toEqual([undefined, ['deserted']]);
  });

  test('[AK6] one ask that is settled changes nothing for another', () => {
    const topics = new Topics();
    const subscriber = seatIn(topics, 'a', ['n', '']);
    const first = asked(topics);
    const second = asked(topics);
    topics.removeAsked(first.roll);
    topics.remove(subscriber);
    expect([first.ends, second.ends]).toEqual([[], ['deserted']]);
  });
});
