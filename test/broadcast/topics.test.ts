import { describe, expect, test } from 'vitest';
import { Seat } from '../../src/broadcast/subscriber.js';
import { Audience, type Recipient, Roll, type Topic } from '../../src/broadcast/topics.js';

const recipient = (id: string): Recipient => ({
  id,
  hasRoom: true,
  filled() {},
  outboxGrew() {},
});

type Address = readonly [namespace: string, room: string];

const seatIn = (audience: Audience, id: string, ...places: readonly Address[]): Seat => {
  const seat = new Seat(recipient(id), { writable: true, write: () => true }, 0);
  audience.arrive(seat);
  for (const [namespace, room] of places) audience.join(seat, namespace, room);
  return seat;
};

const membersOf = (audience: Audience, namespace: string, room: string): Seat[] | undefined => {
  const topic = audience.topic(namespace, room);
  return topic && [...topic.members];
};

const topicOf = (audience: Audience, namespace: string, room: string): Topic => {
  const topic = audience.topic(namespace, room);
  if (!topic) throw new Error(`nobody is in ${namespace}/${room}`);
  return topic;
};

describe('places', () => {
  test('[BC1] a namespace and each room of it have members of their own', () => {
    const audience = new Audience();
    const a = seatIn(audience, 'a', ['n', '']);
    const b = seatIn(audience, 'b', ['n', ''], ['n', 'r']);
    expect(membersOf(audience, 'n', '')).toEqual([a, b]);
    expect(membersOf(audience, 'n', 'r')).toEqual([b]);
    expect(audience.topic('n', 's')).toBeUndefined();
    expect(audience.topic('m', '')).toBeUndefined();
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
    const audience = new Audience();
    const seat = seatIn(audience, 'x', one);
    expect(audience.topic(...other)).toBeUndefined();
    const second = seatIn(audience, 'y', other);
    expect([...topicOf(audience, ...one).members]).toEqual([seat]);
    expect([...topicOf(audience, ...other).members]).toEqual([second]);
  });

  test('[BC2] who joins twice is in once', () => {
    const audience = new Audience();
    const seat = seatIn(audience, 'a', ['n', ''], ['n', '']);
    expect(membersOf(audience, 'n', '')).toEqual([seat]);
    expect(seat.topics).toHaveLength(1);
    audience.leave(seat, 'n', '');
    expect(audience.topic('n', '')).toBeUndefined();
  });

  test('[SV3] who leaves is gone, and an empty place is no place', () => {
    const audience = new Audience();
    const a = seatIn(audience, 'a', ['n', ''], ['n', 'r']);
    const b = seatIn(audience, 'b', ['n', '']);
    audience.leave(a, 'n', 'r');
    audience.leave(a, 'n', 'r');
    audience.leave(a, 'n', 'elsewhere');
    audience.leave(b, 'n', 'r');
    expect(audience.topic('n', 'r')).toBeUndefined();
    expect(membersOf(audience, 'n', '')).toEqual([a, b]);
    expect(a.topics.map(({ room }) => room)).toEqual(['']);
  });

  test('[BC1] leaving what others are in changes nothing for them', () => {
    const audience = new Audience();
    const member = seatIn(audience, 'a', ['n', 'r']);
    audience.leave(seatIn(audience, 'b'), 'n', 'r');
    expect(membersOf(audience, 'n', 'r')).toEqual([member]);
  });

  test('[RM1] the names of rooms that have members', () => {
    const audience = new Audience();
    const seat = seatIn(audience, 'a', ['n', ''], ['n', 'r'], ['n', 's'], ['m', 't']);
    expect(audience.roomNames('n')).toEqual(['r', 's']);
    expect(audience.roomNames('nowhere')).toEqual([]);
    audience.leave(seat, 'n', 'r');
    expect(audience.roomNames('n')).toEqual(['s']);
  });
});

describe('ids', () => {
  test('[HS11] several may share an id', () => {
    const audience = new Audience();
    const first = seatIn(audience, 'joe');
    const second = seatIn(audience, 'joe');
    seatIn(audience, 'ann');
    expect([...audience.withId('joe')]).toEqual([first, second]);
    expect([...audience.withId('nobody')]).toEqual([]);
  });

  test('[SV3] who departs leaves everything at once, and nothing remains', () => {
    const audience = new Audience();
    const other = seatIn(audience, 'joe', ['n', '']);
    const seat = seatIn(audience, 'joe', ['n', ''], ['n', 'r'], ['m', '']);
    audience.depart(seat);
    audience.depart(seat);
    expect(seat.topics).toEqual([]);
    expect([...audience.withId('joe')]).toEqual([other]);
    expect(membersOf(audience, 'n', '')).toEqual([other]);
    expect([audience.topic('n', 'r'), audience.topic('m', '')]).toEqual([undefined, undefined]);
    audience.depart(other);
    expect([...audience.withId('joe')]).toEqual([]);
    expect(audience.topic('n', '')).toBeUndefined();
  });
});

describe('whom an ask was issued to', () => {
  const asked = (audience: Audience, only?: readonly Seat[]) => {
    const ends: string[] = [];
    const roll = new Roll(topicOf(audience, 'n', ''), only, () => ends.push('deserted'));
    audience.openRoll(roll);
    return { roll, ends };
  };

  test('[AK6] who was there may answer, also after it has left; who came later may not', () => {
    const audience = new Audience();
    const stays = seatIn(audience, 'a', ['n', '']);
    const leaves = seatIn(audience, 'b', ['n', '']);
    const never = seatIn(audience, 'c', ['m', '']);
    const { roll } = asked(audience);
    audience.leave(leaves, 'n', '');
    const late = seatIn(audience, 'd', ['n', '']);
    expect([stays, leaves, never, late].map((seat) => roll.includes(seat))).toEqual([true, true, false, false]);
    audience.leave(late, 'n', '');
    audience.join(leaves, 'n', '');
    audience.leave(leaves, 'n', '');
    expect([stays, leaves, never, late].map((seat) => roll.includes(seat))).toEqual([true, true, false, false]);
  });

  test('[AK6] it is deserted when the last that was there has closed, wherever it was by then', () => {
    const audience = new Audience();
    const stays = seatIn(audience, 'a', ['n', '']);
    const leaves = seatIn(audience, 'b', ['n', '']);
    const { ends } = asked(audience);
    const late = seatIn(audience, 'c', ['n', '']);
    audience.leave(leaves, 'n', '');
    audience.depart(stays);
    audience.depart(stays);
    audience.depart(late);
    expect(ends).toEqual([]);
    audience.depart(leaves);
    expect(ends).toEqual(['deserted']);
  });

  test('[AK6] who has left and come again is still one', () => {
    const audience = new Audience();
    const seat = seatIn(audience, 'a', ['n', '']);
    seatIn(audience, 'b', ['n', '']);
    const { ends } = asked(audience);
    audience.leave(seat, 'n', '');
    audience.join(seat, 'n', '');
    audience.depart(seat);
    expect(ends).toEqual([]);
  });

  test('[AK6] when an id was asked, only its members may answer', () => {
    const audience = new Audience();
    const joe = seatIn(audience, 'joe', ['n', '']);
    const ann = seatIn(audience, 'ann', ['n', '']);
    const { roll, ends } = asked(audience, [joe]);
    const late = seatIn(audience, 'joe', ['n', '']);
    audience.leave(joe, 'n', '');
    expect([joe, ann, late].map((seat) => roll.includes(seat))).toEqual([true, false, false]);
    audience.depart(ann);
    audience.depart(late);
    expect(ends).toEqual([]);
    audience.depart(joe);
    expect(ends).toEqual(['deserted']);
  });

  test('[AK6] who rejoins an empty place is known as a latecomer, if it is one', () => {
    const audience = new Audience();
    const seat = seatIn(audience, 'a', ['n', '']);
    const { roll } = asked(audience);
    audience.leave(seat, 'n', '');
    const late = seatIn(audience, 'b', ['n', '']);
    expect([roll.includes(seat), roll.includes(late)]).toEqual([true, false]);
  });

  test('[SV3] a settled ask leaves nothing behind', () => {
    const audience = new Audience();
    const seat = seatIn(audience, 'a', ['n', '']);
    const { roll, ends } = asked(audience);
    const topic = topicOf(audience, 'n', '');
    audience.depart(seat);
    expect(audience.topic('n', '')).toBe(topic);
    audience.closeRoll(roll);
    audience.closeRoll(roll);
    expect(audience.topic('n', '')).toBeUndefined();
    expect([topic.rolls, ends]).toEqual([undefined, ['deserted']]);
  });

  test('[AK6] one ask that is settled changes nothing for another', () => {
    const audience = new Audience();
    const seat = seatIn(audience, 'a', ['n', '']);
    const first = asked(audience);
    const second = asked(audience);
    audience.closeRoll(first.roll);
    audience.depart(seat);
    expect([first.ends, second.ends]).toEqual([[], ['deserted']]);
  });
});
