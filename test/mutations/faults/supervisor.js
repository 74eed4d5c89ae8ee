import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const supervisorFaults = [
  ...inFile('actors/supervisor/doQueue.ts', [
    ['a do that waits for itself is not told so', 'DO3 DO4', ' && this.#queued !== queuedBefore', ' && false'],
    ['every late visitor waits for itself', 'DO3', ' && this.#queued !== queuedBefore', ''],
    ['failures of visits are forgotten', 'DO3', 'if (failures.length === 0) this.#tell', 'if (failures) this.#tell'],
  ]),
  ...inFile('actors/supervisor/supervisor.ts', [
    [
      'a do outlives the root actor',
      'DR1 DO4',
      'this.#doQueue.refuse(ErrWrite, (tell) => this.#context.mailboxes.defer(tell));',
      '',
    ],
    [
      'who arrives after the end is sent to the root actor',
      'DR1',
      'if (this.#isOver) this.#registry',
      'if (false) this.#registry',
    ],
    [
      'a chart of the root’s does not get its broadcasts',
      'SV11',
      'if (handlesItself(actor.getSnapshot(), message.type)) {',
      'if (isNaN(0)) {',
    ],
    [
      'who counts is told inside of the mailbox',
      'SV11 BC3',
      'count: ({ reply }) => mailboxes.defer(() => reply(this.total)),',
      'count: ({ reply }) => reply(this.total),',
    ],
    [
      'what the program got wrong is not told to it',
      'SV11',
      "if (message.type === 'BROADCAST') this.#publisher.check(message.messages);",
      '',
    ],
  ]),
  ...inFile('actors/supervisor/registry.ts', [
    ['who has gone is held on', 'DO2', 'socketOnClose: leave', 'socketOnClose: ignore'],
    [
      'a connection that is over already is reached',
      'EX3',
      'if (!this.#registered.has(connection)) return;\n    reach',
      'reach',
    ],
    ['who is on the way out is counted as here', 'IN7', 'this.context.meters.stages[stageOf(last)]--;', ''],
    ['who has come is not counted', 'IN7', 'this.context.meters.admitted++;', ''],
  ]),
  ...inFile('actors/supervisor/audienceAsks.ts', [
    [
      'asks of audiences without end',
      'AK9',
      'if (!isForeign && audienceAsks.size - this.#foreign >= limits.asks) throw',
      'if (parts.pending < 0) throw',
    ],
    [
      'nobody here is nobody anywhere',
      'EX7',
      'if (subscribers.size === 0 && !hasOthers()) return',
      'if (subscribers.size === 0) return',
    ],
    [
      'when all here have closed nobody is asked',
      'EX7',
      'if (isForeign || !hasOthers()) asks.fail',
      'if (isForeign || hasOthers()) asks.fail',
    ],
    [
      'an ask outlives the way to the others',
      'EX7',
      'for (const token of [...this.#deserted]) this.parts.context.asks.fail(token, ErrWrite);',
      '',
    ],
    [
      'an ask that cannot be sent waits',
      'EX7',
      'if (!end && subscribers.size === 0) context.asks.fail(token, ErrNoAudience);',
      '',
    ],
    ['asks of others are never too many', 'EX8', 'if (this.#foreign >= limits.asks) return false;', ''],
  ]),
  ...inFile('actors/supervisor/publisher.ts', [
    [
      "what others broadcast is our clients' doing",
      'BC10',
      'context.throttle.review(broadcaster);',
      'context.throttle.onPublished(broadcaster);',
    ],
    ['what is broadcast stays here', 'EX4', 'cluster.publish(message, skipped.exceptId);', ''],
  ]),
  ...inFile('actors/supervisor/introspection.ts', [
    ['a delivery to a chart is shown twice', 'IN4', ' && !to.flags.ownsDeliveries', ''],
  ]),
  ...inFile('actors/supervisor/metrics.ts', [
    ['who is on the way out is counted nowhere', 'IN7', 'meters.stages.closing + closing', 'meters.stages.closing'],
  ]),
  ...inFile('actors/supervisor/logic.ts', [
    [
      'what the root’s chart takes no more is lost',
      'SV11 BC2',
      'if (isLate(snapshot, event, effects)) return snapshot;',
      '',
    ],
  ]),
];
