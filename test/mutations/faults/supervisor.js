import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const supervisorFaults = [
  ...inFile('actors/supervisor/doQueue.ts', [
    ['a do awaited by its own visitor is not named', 'DO3 DO4', ' && this.#queued !== queuedBefore', ' && false'],
    ['every visitor that times out awaits itself', 'DO3', ' && this.#queued !== queuedBefore', ''],
    [
      'the done of a DO that throws comes out of the queue',
      'DO6',
      "this.context.callbacks.guarded(() => done(failure), { during: 'do' });",
      'done(failure);',
    ],
    ['failures of visits are dropped', 'DO3', 'if (failures.length === 0) this.#settle', 'if (failures) this.#settle'],
  ]),
  ...inFile('actors/supervisor/root.ts', [
    ['a do outlives the root actor', 'DR1 DO4', 'doQueue.refuse(ErrWrite, (settle) => mailboxes.defer(settle));', ''],
    [
      'an arrival after the end is sent to the root actor',
      'DR1',
      'if (this.isOver) this.parts.arrivals',
      'if (isNaN(0)) this.parts.arrivals',
    ],
    [
      'a chart of the program does not get the broadcasts of the root',
      'SV11',
      'if (handlesItself(this.actor.getSnapshot(), message.type)) {',
      'if (isNaN(0)) {',
    ],
    [
      'a COUNT is replied to inside the mailbox',
      'SV11 BC3',
      'else this.parts.context.mailboxes.defer(() => this.#reply(message));',
      'else this.#reply(message);',
    ],
    [
      'a reply to COUNT that throws comes out of send',
      'DO6',
      "context.callbacks.guarded(() => reply(registry.total), { during: 'count' });",
      'reply(registry.total);',
    ],
    [
      'a mistake of the program is not thrown at the sender',
      'SV11',
      "if (message.type === 'BROADCAST') publisher.check(message.messages);",
      '',
    ],
  ]),
  ...inFile('actors/supervisor/arrivals.ts', [
    [
      'a held arrival loses what has come',
      'SS11',
      'release(kept.length > 0 ? { ...arrival, attach } : arrival);',
      'release(arrival);',
    ],
    ['a refused arrival fills the memory', 'DO2', 'arrival.attach(ignoring);', ''],
    ['a held arrival whose socket has closed is kept', 'DO2', 'socketOnClose: drop,', ''],
  ]),
  ...inFile('actors/transport/endings.ts', [
    ['endings are finished without end', 'SV27', 'if (this.context.clock.now() >= until) break;', ''],
    ['an ending overtakes those that wait', 'SV27', 'this.#waiting.length === 0 && this.#quota', 'this.#quota'],
    [
      'an ending is lost after a thousand',
      'SV27',
      'this.#waiting.slice(this.#done)',
      'this.#waiting.slice(this.#done + 1)',
    ],
    ['every ending waits for a slice', 'SV27', 'this.#quota.spend(1) >= 0', 'this.#quota.spend(1) < -1e9'],
    [
      'an ending that throws keeps the others waiting',
      'SV27',
      'if (this.#done < this.#waiting.length) this.context.background.wake(this);',
      '',
    ],
  ]),
  ...inFile('actors/supervisor/registry.ts', [
    ['the last handlers of all run in one turn', 'SV27', 'this.#endings.add(connection);', 'connection.finish();'],
    [
      'a connection that has closed already is marked reachable',
      'EX3',
      'if (!this.#registered.has(connection)) return;\n    cluster',
      'cluster',
    ],
    ['aware connections are never fewer', 'SS17', 'if (connection.session?.isAware) this.context.meters.aware--;', ''],
    ['a closed connection is counted as registered', 'IN7', 'this.context.meters.stages[stageOf(last)]--;', ''],
    ['a registration is not counted', 'IN7', 'context.meters.admitted++;', ''],
  ]),
  ...inFile('actors/supervisor/audienceAsks.ts', [
    [
      'asks of audiences are unlimited',
      'AK9',
      'if (!isRemote && audienceAsks.size - this.#remoteCount >= limits.asks) throw',
      'if (audienceAsks.size < 0) throw',
    ],
    [
      'an ask without members here is not sent to others',
      'EX7',
      'if (subscribers.size === 0 && !cluster.hasOthers) return',
      'if (subscribers.size === 0) return',
    ],
    [
      'an ask fails once all members here have closed',
      'EX7',
      'if (isRemote || !cluster.hasOthers) asks.fail',
      'if (isRemote || cluster.hasOthers) asks.fail',
    ],
    [
      'an ask outlives the link to the others',
      'EX7',
      'for (const token of [...this.#onlyRemote]) this.context.asks.fail(token, ErrWrite);',
      '',
    ],
    [
      'an ask that cannot be sent waits',
      'EX7',
      'if (!endRemote && subscribers.size === 0) context.asks.fail(token, ErrNoAudience);',
      '',
    ],
    ['asks of other servers are unlimited', 'EX8', 'if (this.#remoteCount >= limits.asks) return false;', ''],
  ]),
  ...inFile('actors/supervisor/publisher.ts', [
    [
      'a synchronous broadcast is held back',
      'BC15 BC8',
      'const outer = gathering.beginDirect();',
      'const outer = gathering.beginWork();',
    ],
    [
      'a broadcast of another server throttles clients here',
      'BC10',
      'this.context.throttle.review(this.broadcaster);',
      'this.context.throttle.onPublished(this.broadcaster);',
    ],
    ['a broadcast stays on this server', 'EX4', 'cluster.publish(message, skipped.exceptId);', ''],
    ['a broadcast may have any members', 'BC14', 'if (!contract) assertMembers(message);', ''],
    ['a message of a contract may have any members', 'BC14', 'assertMembers(message);\n          return', 'return'],
    ['an ask of an audience may have any members', 'BC14', 'assertMembers(given);\n    const message', 'const message'],
  ]),
  ...inFile('actors/supervisor/introspection.ts', [
    ['a delivery to a chart is shown twice', 'IN4', ' && !to.flags.ownsDeliveries', ''],
  ]),
  ...inFile('actors/supervisor/metrics.ts', [
    ['bytes that were saved count as written', 'CP3', 'delivered.bytes - compression.saved', 'delivered.bytes'],
    ['a closed connection is counted nowhere', 'IN7', 'meters.stages.closing + closing', 'meters.stages.closing'],
  ]),
  ...inFile('actors/supervisor/logic.ts', [
    [
      'an event that the chart of the root handles no more is lost',
      'SV11 BC2',
      'if (isLate(snapshot, event, root)) return snapshot;',
      '',
    ],
  ]),
  ...inFile('actors/supervisor/supervisor.ts', [
    ['an upgrade that is refused is not counted', 'IN7', 'this.counters.refusedUpgrades++;', ''],
  ]),
];
