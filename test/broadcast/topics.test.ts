import { describe, expect, test } from 'vitest';
import { DeliveryContext } from '../../src/broadcast/deliveryContext.js';
import { Pacer } from '../../src/broadcast/pacer.js';
import { Subscriber, type SubscriberHost } from '../../src/broadcast/subscriber.js';
import { AskedMembers, type Topic, Topics } from '../../src/broadcast/topics.js';
import { joined } from '../../src/protocol/frame.js';

const hostWith = (id: string): SubscriberHost => ({
  id,
  outlet: { writable: true, write: () => true },
  hasRoom: true,
  filled() {},
  outboxGrew() {},
});

type Address = readonly [namespace: string, room: string];

const subscriberIn = (topics: Topics, id: string, ...places: readonly Address[]): Subscriber => {
  const subscriber = new Subscriber(hostWith(id), new DeliveryContext(topics, new Pacer(() => 0), joined));
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
  if (!topic) throw new Error(`no member is in ${namespace}/${room}`);
  return topic;
};

describe('places', () => {
  test('[BC1] a namespace and each room of it have members of their own', () => {
    const topics = new Topics();
    const a = subscriberIn(topics, 'a', ['n', '']);
    const b = subscriberIn(topics, 'b', ['n', ''], ['n', 'r']);
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
    const subscriber = subscriberIn(topics, 'x', one);
    expect(topics.topic(...other)).toBeUndefined();
    const second = subscriberIn(topics, 'y', other);
    expect([...topicOf(topics, ...one).members]).toEqual([subscriber]);
    expect([...topicOf(topics, ...other).members]).toEqual([second]);
  });

  test('[BC2] a second join changes nothing', () => {
    const topics = new Topics();
    const subscriber = subscriberIn(topics, 'a', ['n', ''], ['n', '']);
    expect(membersOf(topics, 'n', '')).toEqual([subscriber]);
    expect(subscriber.topics).toHaveLength(1);
    topics.leave(subscriber, 'n', '');
    expect(topics.topic('n', '')).toBeUndefined();
  });

  test('[SV3] a log counts its bytes and its exclusions until they are delivered', () => {
    const topics = new Topics();
    const member = subscriberIn(topics, 'a', ['n', '']);
    const topic = topicOf(topics, 'n', '');
    const entry = { bytes: new Uint8Array(3), except: null, exceptId: null, at: 0 };
    topic.append({ ...entry, number: 1, except: member });
    topic.append({ ...entry, number: 2 });
    topic.append({ ...entry, number: 5, exceptId: 'a' });
    expect([topic.bytes, topic.exclusions, topic.last]).toEqual([9, 2, 5]);
    expect(topic.remove(2)).toBe(6);
    expect([topic.bytes, topic.exclusions, topic.pending.map(({ number }) => number)]).toEqual([3, 1, [5]]);
    expect(topic.remove(5)).toBe(3);
    expect([topic.bytes, topic.exclusions, topic.pending]).toEqual([0, 0, []]);
  });

  test('[SV3] a member that leaves is removed, and so is an empty topic', () => {
    const topics = new Topics();
    const a = subscriberIn(topics, 'a', ['n', ''], ['n', 'r']);
    const b = subscriberIn(topics, 'b', ['n', '']);
    topics.leave(a, 'n', 'r');
    topics.leave(a, 'n', 'r');
    topics.leave(a, 'n', 'elsewhere');
    topics.leave(b, 'n', 'r');
    expect(topics.topic('n', 'r')).toBeUndefined();
    expect(membersOf(topics, 'n', '')).toEqual([a, b]);
    expect(a.topics.map(({ room }) => room)).toEqual(['']);
  });

  test('[BC1] leaving a topic changes nothing for its other members', () => {
    const topics = new Topics();
    const member = subscriberIn(topics, 'a', ['n', 'r']);
    topics.leave(subscriberIn(topics, 'b'), 'n', 'r');
    expect(membersOf(topics, 'n', 'r')).toEqual([member]);
  });

  test('[RM1] the names of rooms that have members', () => {
    const topics = new Topics();
    const subscriber = subscriberIn(topics, 'a', ['n', ''], ['n', 'r'], ['n', 's'], ['m', 't']);
    expect(topics.roomNames('n')).toEqual(['r', 's']);
    expect(topics.roomNames('nowhere')).toEqual([]);
    topics.leave(subscriber, 'n', 'r');
    expect(topics.roomNames('n')).toEqual(['s']);
  });
});

describe('ids', () => {
  test('[HS11] several may share an id', () => {
    const topics = new Topics();
    const first = subscriberIn(topics, 'joe');
    const second = subscriberIn(topics, 'joe');
    subscriberIn(topics, 'ann');
    expect([...topics.withId('joe')]).toEqual([first, second]);
    expect([...topics.withId('nobody')]).toEqual([]);
  });

  test('[SV3] a connection that closes leaves everything at once', () => {
    const topics = new Topics();
    const other = subscriberIn(topics, 'joe', ['n', '']);
    const subscriber = subscriberIn(topics, 'joe', ['n', ''], ['n', 'r'], ['m', '']);
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

describe('the audience of an ask', () => {
  const asked = (topics: Topics, only?: readonly Subscriber[]) => {
    const ends: string[] = [];
    const members = new AskedMembers(topicOf(topics, 'n', ''), only, () => ends.push('deserted'));
    topics.addAsked(members);
    return { members, ends };
  };

  test('[AK6] a member at the publish may answer, also after it has left; a later one may not', () => {
    const topics = new Topics();
    const stays = subscriberIn(topics, 'a', ['n', '']);
    const leaves = subscriberIn(topics, 'b', ['n', '']);
    const never = subscriberIn(topics, 'c', ['m', '']);
    const { members } = asked(topics);
    topics.leave(leaves, 'n', '');
    const late = subscriberIn(topics, 'd', ['n', '']);
    expect([stays, leaves, never, late].map((subscriber) => members.includes(subscriber))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    topics.leave(late, 'n', '');
    topics.join(leaves, 'n', '');
    topics.leave(leaves, 'n', '');
    expect([stays, leaves, never, late].map((subscriber) => members.includes(subscriber))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('[AK6] it is deserted when the last that was there has closed, wherever it was by then', () => {
    const topics = new Topics();
    const stays = subscriberIn(topics, 'a', ['n', '']);
    const leaves = subscriberIn(topics, 'b', ['n', '']);
    const { ends } = asked(topics);
    const late = subscriberIn(topics, 'c', ['n', '']);
    topics.leave(leaves, 'n', '');
    topics.remove(stays);
    topics.remove(stays);
    topics.remove(late);
    expect(ends).toEqual([]);
    topics.remove(leaves);
    expect(ends).toEqual(['deserted']);
  });

  test('[AK6] a member that has left and rejoined still counts', () => {
    const topics = new Topics();
    const subscriber = subscriberIn(topics, 'a', ['n', '']);
    subscriberIn(topics, 'b', ['n', '']);
    const { ends } = asked(topics);
    topics.leave(subscriber, 'n', '');
    topics.join(subscriber, 'n', '');
    topics.remove(subscriber);
    expect(ends).toEqual([]);
  });

  test('[AK6] when an id was asked, only its members may answer', () => {
    const topics = new Topics();
    const joe = subscriberIn(topics, 'joe', ['n', '']);
    const ann = subscriberIn(topics, 'ann', ['n', '']);
    const { members, ends } = asked(topics, [joe]);
    const late = subscriberIn(topics, 'joe', ['n', '']);
    topics.leave(joe, 'n', '');
    expect([joe, ann, late].map((subscriber) => members.includes(subscriber))).toEqual([true, false, false]);
    topics.remove(ann);
    topics.remove(late);
    expect(ends).toEqual([]);
    topics.remove(joe);
    expect(ends).toEqual(['deserted']);
  });

  test('[AK6] a connection that joins an empty topic again is known as a late one', () => {
    const topics = new Topics();
    const subscriber = subscriberIn(topics, 'a', ['n', '']);
    const { members } = asked(topics);
    topics.leave(subscriber, 'n', '');
    const late = subscriberIn(topics, 'b', ['n', '']);
    expect([members.includes(subscriber), members.includes(late)]).toEqual([true, false]);
  });

  test('[SV3] a settled ask leaves nothing behind', () => {
    const topics = new Topics();
    const subscriber = subscriberIn(topics, 'a', ['n', '']);
    const { members, ends } = asked(topics);
    const topic = topicOf(topics, 'n', '');
    topics.remove(subscriber);
    expect(topics.topic('n', '')).toBe(topic);
    topics.removeAsked(members);
    topics.removeAsked(members);
    expect(topics.topic('n', '')).toBeUndefined();
    expect([topic.asked, ends]).toEqual([undefined, ['deserted']]);
  });

  test('[AK6] one ask that is settled changes nothing for another', () => {
    const topics = new Topics();
    const subscriber = subscriberIn(topics, 'a', ['n', '']);
    const first = asked(topics);
    const second = asked(topics);
    topics.removeAsked(first.members);
    topics.remove(subscriber);
    expect([first.ends, second.ends]).toEqual([[], ['deserted']]);
  });
});
