import { ErrBadNamespace, ErrBadRoom, ErrWrite } from '../../../src/protocol/errors.js';
import { type Outcome, settle, settleAll } from './modelOutcome.js';
import { declared, events, type ModelPlace, newPlace, wishesOf } from './modelPlace.js';
import { type Answer, ModelTraffic, type Waiting } from './modelTraffic.js';
import type { ScriptedLine } from './scriptedServer.js';

const entryTimeout = 10_000;

/** The namespaces and rooms: how they are entered and left, by either side, and over lines. */
export abstract class ModelPlaces extends ModelTraffic {
  readonly recoveries: string[] = [];
  protected refusals: string[] = [];
  protected isEntering = false;
  protected entering = 0;

  protected onGreeted(): void {
    this.isEntering = this.wasOnline;
    this.emitted = 0;
    this.proven = 0;
    this.marks.clear();
    this.pings = [];
    const wished = wishesOf(this.places);
    this.entering = wished.length;
    const { line } = this;
    for (const place of wished) this.enter(place, false, () => this.enteredOne(line));
    if (wished.length === 0) this.entered();
  }
  protected enteredOne(line: ScriptedLine | undefined): void {
    if (line === this.line && --this.entering === 0) this.entered();
  }
  protected onOnline(): void {
    this.isEntering = false;
    this.flush();
    const { code, text } = this.reason ?? { code: 1006, text: '' };
    const { inDoubt, unsent } = this.losses;
    const refused = this.refusals.splice(0);
    this.losses = { inDoubt: 0, unsent: 0 };
    if (this.wasOnline) this.recoveries.push(`${code} ${text} doubt ${inDoubt} unsent ${unsent} refused ${refused}`);
  }
  protected onLost(): void {
    const doubted = this.emitted - this.proven;
    this.emitted = 0;
    this.proven = 0;
    this.losses.inDoubt += doubted;
    this.traffic.inDoubt += doubted;
    this.isEntering = false;
    for (const ns of this.places.values()) {
      const rooms = [...ns.rooms.values()].filter((room) => this.putOut(room));
      if (!this.putOut(ns)) continue;
      this.turn(false, () => {
        for (const room of rooms) {
          this.fire(room, events.leave, 'FL');
          this.fire(room, events.left, 'FL');
        }
        this.fire(ns, events.disconnect, 'FL');
      });
    }
    for (const token of [...this.asks.keys()]) {
      if (!this.waiting.some((waiting) => waiting.token === token)) this.end(token, { error: ErrWrite.message });
    }
  }
  protected onClosing(): void {
    const { code, text } = this.reason ?? { code: 1000, text: '' };
    for (const ns of this.places.values()) {
      for (const place of [...ns.rooms.values(), ns]) this.remove(place, text || `closed with ${code}`);
    }
    for (const token of [...this.asks.keys()]) this.end(token, { error: ErrWrite.message });
  }

  protected wish(place: ModelPlace, ns: ModelPlace | undefined, outcome: Outcome): void {
    if (place.presence === 'in') settle(outcome, 'resolved');
    else place.entrants.push(outcome);
    place.isWished = true;
    if (!this.isGreeted || place.presence !== 'out' || (ns && ns.presence !== 'in')) return;
    this.enter(place, this.releaseHandler !== undefined, () => {});
  }
  protected enter(place: ModelPlace, isNested: boolean, done: () => void, isInTurn = isNested): void {
    const { line } = this;
    const attempt = {};
    place.presence = 'entering';
    place.attempt = attempt;
    const isVoid = (): boolean => place.attempt !== attempt;
    const finish = (answer?: Answer): void => {
      if (answer && !isVoid()) this.answered(place, answer);
      if (place.room !== '' || line !== this.line || place.presence !== 'in') return done();
      this.enterRooms(place, done);
    };
    const begin = (): void => {
      if (place.room === '' && !isVoid()) this.fire(place, events.connect, 'L');
      if (isVoid()) return finish();
      place.token = this.request(place, place.room === '' ? events.connect : events.join, entryTimeout, (answer) =>
        this.turn(isNested, () => finish(answer)),
      );
    };
    this.turn(isInTurn || place.room !== '', begin);
  }
  protected enterRooms(ns: ModelPlace, done: () => void): void {
    const rooms = wishesOf(ns.rooms);
    let left = rooms.length;
    for (const room of rooms) this.enter(room, false, () => --left === 0 && done());
    if (rooms.length === 0) done();
  }
  protected answered(place: ModelPlace, { error, isUnanswered }: Answer): void {
    place.token = '';
    if (isUnanswered) this.retract(place);
    if (error !== undefined) return this.remove(place, error);
    if (place.room !== '') this.fire(place, events.join, 'L');
    this.conclude(place, 'L');
  }
  protected conclude(place: ModelPlace, flags: string, answer = (): void => {}): void {
    place.presence = 'in';
    place.wasEntered = true;
    place.attempt = undefined;
    this.fire(place, place.room === '' ? events.connected : events.joined, flags);
    answer();
    settleAll(place.entrants);
    this.flush();
    if (place.room === '' && flags === '') this.enterRooms(place, () => {});
  }
  protected left(place: ModelPlace, { error }: Answer, wasWished: boolean): void {
    if (place.presence !== 'leaving') return;
    if (error !== undefined) {
      place.isWished ||= wasWished;
      place.presence = 'in';
      settleAll(place.leavers, error);
      settleAll(place.entrants);
      return this.flush();
    }
    if (place.room === '') {
      for (const room of this.empty(place)) {
        this.fire(room, events.leave, 'FL');
        this.fire(room, events.left, 'FL');
      }
    } else {
      this.fire(place, events.leave, '');
    }
    if (place.isWished) place.presence = 'out';
    else this.remove(place);
    this.fire(place, place.room === '' ? events.disconnect : events.left, place.room === '' ? 'L' : '');
    settleAll(place.leavers);
    if (place.isWished) this.enter(place, false, () => {}, true);
  }
  protected serve(namespace: string, room: string, event: string, answer: (failure?: string) => void): void {
    const isEntry = event === events.connect || event === events.join;
    const isRoom = event === events.join || event === events.leave;
    const isKnown = this.places.has(namespace) || (isEntry && declared.includes(namespace));
    const ns = isKnown ? this.ensure(namespace) : undefined;
    const place = isRoom ? ns?.rooms.get(room) : ns;
    const isInside = place?.presence === 'in' || place?.presence === 'leaving';
    if (isEntry && (!ns || (isRoom && ns.presence !== 'in'))) return answer(ErrBadNamespace.message);
    if (isEntry === isInside || !ns) return answer();
    if (isEntry) {
      const entered = isRoom ? this.ensureRoom(ns, room) : ns;
      this.fire(entered, event, '');
      if (!isRoom) answer();
      return this.conclude(entered, '', () => isRoom && answer());
    }
    if (!place) return;
    place.isWished = false;
    if (isRoom) {
      this.fire(place, events.leave, '');
      this.remove(place);
      answer();
      this.fire(place, events.left, '');
    } else {
      for (const inside of this.empty(place)) {
        this.fire(inside, events.leave, 'F');
        this.fire(inside, events.left, 'F');
      }
      this.remove(place);
      answer();
      this.fire(place, events.disconnect, '');
    }
    settleAll(place.leavers);
  }
  protected putOut(place: ModelPlace): boolean {
    const { presence } = place;
    if (presence !== 'out') place.lostLine = this.lostLine;
    place.presence = 'out';
    place.attempt = undefined;
    place.token = '';
    if (presence === 'leaving' && !place.isWished) this.remove(place);
    settleAll(place.leavers);
    return presence === 'in' || presence === 'leaving';
  }
  /** Removes the rooms, and returns those in which the client was. */
  protected empty(ns: ModelPlace): ModelPlace[] {
    const rooms = [...ns.rooms.values()];
    const inside = rooms.filter(({ presence }) => presence === 'in' || presence === 'leaving');
    for (const room of rooms) this.remove(room);
    for (const room of inside) settleAll(room.leavers);
    return inside;
  }
  protected remove(place: ModelPlace, failure?: string): void {
    const { wasEntered } = place;
    Object.assign(place, { presence: 'out', isWished: false, wasEntered: false, attempt: undefined, token: '' });
    for (const room of [...place.rooms.values()]) this.remove(room, failure);
    // What has come before a close still finds its handlers.
    if (place.room !== '' && !this.isClosing) this.places.get(place.namespace)?.rooms.delete(place.room);
    settleAll(place.entrants, failure ?? (place.room === '' ? ErrBadNamespace : ErrBadRoom).message);
    const isOfPlace = (waiting: Waiting): boolean => waiting.place === place || waiting.namespace === place;
    const dropped = this.waiting.filter(isOfPlace);
    this.waiting = this.waiting.filter((waiting) => !isOfPlace(waiting));
    for (const { token } of dropped) {
      if (token !== '') {
        this.end(token, { error: ErrWrite.message });
        continue;
      }
      this.traffic.unsent++;
      this.losses.unsent++;
    }
    if (failure !== undefined && wasEntered && this.isEntering) {
      this.refusals.push(`${place.namespace}/${place.room} ${failure}`);
    }
  }
  protected retract(place: ModelPlace): void {
    this.request(place, place.room === '' ? events.disconnect : events.leave, entryTimeout, () => {});
  }
  protected ensure(namespace: string): ModelPlace {
    const place = this.places.get(namespace) ?? newPlace(namespace, '');
    this.places.set(namespace, place);
    return place;
  }
  protected ensureRoom(ns: ModelPlace, room: string): ModelPlace {
    const place = ns.rooms.get(room) ?? newPlace(ns.namespace, room);
    ns.rooms.set(room, place);
    return place;
  }
}
