import { ModelCalls } from './modelCalls.js';
import { isBlocked, isMember, isWithin, type ModelConnection, type PendingStep } from './modelTypes.js';
import {
  closedNamespace,
  declared,
  type HandlerEnd,
  type Instructions,
  isForbidden,
  isSticky,
  type LifecycleEvent,
  lifecycleEvents,
  maxRooms,
  refusal,
  type Script,
} from './program.js';
import { expandBody, isAsk, lineOf, systemEvents, type Wire } from './wire.js';
/** The turns of connections, and their steps into and out of namespaces and rooms. */
export class ModelTurns extends ModelCalls {
  protected runTurns(connection: ModelConnection): void {
    while (!connection.isBusy) {
      const job = connection.jobs.shift();
      const [wire] = connection.frames;
      if (!job && (!wire || isBlocked(connection, wire))) return;
      connection.isBusy = true;
      if (job) job();
      else if (wire) this.handle(connection, connection.frames.shift() ?? wire);
      connection.isBusy = connection.paused !== undefined;
    }
  }

  protected handle(connection: ModelConnection, wire: Wire): void {
    if (connection.state !== 'open') return;
    if (systemEvents.has(wire.event)) {
      if (isAsk(wire)) this.step(connection, wire);
    } else if (!isMember(connection, wire.namespace, '')) {
      if (isAsk(wire)) this.refuse(connection, wire, 'bad namespace');
    } else if (!isMember(connection, wire.namespace, wire.room)) {
      if (isAsk(wire)) this.refuse(connection, wire, 'bad room');
    } else if (wire.event === 'run' || wire.event === 'sleep') {
      const instructions: Instructions = JSON.parse(wire.body);
      this.perform(instructions.now, { self: connection, namespace: wire.namespace, isHook: false, hasHandle: true });
      if (wire.event === 'run') this.finish(connection, wire, instructions.finale);
      else connection.paused = { wire, instructions };
    }
  }

  protected finish(connection: ModelConnection, wire: Wire, finale: HandlerEnd): void {
    if (finale.end === 'silent') return;
    const mayAnswer = isAsk(wire) || isMember(connection, wire.namespace, wire.room);
    if (mayAnswer && connection.state === 'open') {
      if (finale.end === 'reply')
        connection.lines.push(lineOf({ ...wire, isError: false, body: expandBody(finale.body) }));
      else this.refuse(connection, wire, finale.text);
    }
    if (finale.end === 'closeError') this.close(connection, finale.code, finale.text);
  }

  /** The client asks for a step of a namespace or room. */
  protected step(connection: ModelConnection, wire: Wire): void {
    const { namespace, room, event } = wire;
    const rooms = connection.memberships.get(namespace);
    switch (event) {
      case '_OnNamespaceConnect':
        if (!declared.some((name) => name === namespace)) return this.refuse(connection, wire, 'bad namespace');
        if (rooms) return this.agree(connection, wire);
        this.hook(event, connection, namespace);
        if (namespace === closedNamespace) return this.refuse(connection, wire, refusal);
        connection.memberships.set(namespace, new Set());
        this.agree(connection, wire);
        return this.hook('_OnNamespaceConnected', connection, namespace);
      case '_OnNamespaceDisconnect':
        if (!rooms) return this.agree(connection, wire);
        this.hook(event, connection, namespace);
        this.leaveNamespace(connection, namespace);
        return this.agree(connection, wire);
      case '_OnRoomJoin':
        if (!rooms) return this.refuse(connection, wire, 'bad namespace');
        if (room === '') return this.refuse(connection, wire, 'bad room');
        if (rooms.has(room)) return this.agree(connection, wire);
        if (this.roomsOf(connection.index) >= maxRooms) return this.refuse(connection, wire, 'too many rooms');
        this.hook(event, connection, namespace);
        if (isForbidden(room)) return this.refuse(connection, wire, refusal);
        rooms.add(room);
        this.hook('_OnRoomJoined', connection, namespace);
        return this.agree(connection, wire);
      case '_OnRoomLeave':
      case '_OnRoomLeft':
        if (!rooms) return this.refuse(connection, wire, 'bad namespace');
        if (room === '') return this.refuse(connection, wire, 'bad room');
        if (!rooms.has(room)) return this.agree(connection, wire);
        this.hook('_OnRoomLeave', connection, namespace);
        if (isSticky(room)) return this.refuse(connection, wire, refusal);
        rooms.delete(room);
        this.hook('_OnRoomLeft', connection, namespace);
        return this.agree(connection, wire);
      default:
        return undefined;
    }
  }

  /** The client has agreed to a step that the server began. */
  protected agreed(kind: PendingStep['kind'], connection: ModelConnection, namespace: string, room: string): void {
    const rooms = connection.memberships.get(namespace);
    if (kind === 'connect') {
      connection.memberships.set(namespace, new Set());
      this.hook('_OnNamespaceConnected', connection, namespace);
    } else if (kind === 'disconnect') {
      this.leaveNamespace(connection, namespace);
      this.hook('_OnNamespaceDisconnect', connection, namespace);
    } else if (kind === 'join') {
      this.hook('_OnRoomJoin', connection, namespace);
      if (isForbidden(room)) {
        this.askPeer(connection, { namespace, room, event: '_OnRoomLeave', body: '' }, () => {});
        return;
      }
      rooms?.add(room);
      this.hook('_OnRoomJoined', connection, namespace);
    } else {
      this.hook('_OnRoomLeave', connection, namespace);
      if (isSticky(room)) return;
      rooms?.delete(room);
      this.hook('_OnRoomLeft', connection, namespace);
    }
  }

  protected leaveNamespace(connection: ModelConnection, namespace: string): void {
    const rooms = connection.memberships.get(namespace) ?? new Set();
    for (const room of [...rooms]) {
      this.hook('_OnRoomLeave', connection, namespace);
      rooms.delete(room);
      this.hook('_OnRoomLeft', connection, namespace);
    }
    connection.memberships.delete(namespace);
    for (const key of [...connection.pendingSteps.keys()])
      if (isWithin(key, namespace)) connection.pendingSteps.delete(key);
  }

  protected agree(connection: ModelConnection, { wait }: Wire): void {
    if (connection.state === 'open') connection.lines.push(`t ${wait};;;;;;`);
  }

  protected refuse(connection: ModelConnection, wire: Wire, text: string): void {
    if (connection.state === 'open')
      connection.lines.push(lineOf({ ...wire, isError: true, isBinary: false, body: text }));
  }

  protected hook(event: LifecycleEvent, self: ModelConnection, namespace: string): void {
    this.perform(this.scriptOf(event), { self, namespace, isHook: true, hasHandle: true });
  }

  protected scriptOf(event: string): Script {
    if (!this.areHandlersOn) return [];
    const hook = lifecycleEvents.find((name) => name === event);
    return hook ? this.program.handlers[hook] : this.program.onDisconnect;
  }
}
