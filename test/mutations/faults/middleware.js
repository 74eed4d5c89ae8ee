import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const middlewareFaults = [
  ...inFile('actors/api/callbacks.ts', [
    ['a refusal is a fault', 'MW8', 'if (!this.refuses(error)) this.failed(', 'this.failed('],
    ['refusals are not counted', 'MW8', 'if (isRefused) this.counters.refusals++;', ''],
  ]),
  ...inFile('actors/api/handlers.ts', [
    [
      'a known error is a fault',
      'MW8',
      'isInstance(thrown, RuleBroken) || isKnownError(thrown);',
      'isInstance(thrown, RuleBroken);',
    ],
  ]),
  ...inFile('actors/connection/transitions.ts', [
    ['a refused join is not counted', 'MW8', 'callbacks.refuses(error) || ', ''],
    [
      'a refusal of a forced event counts',
      'MW8',
      'isForced || callbacks.refuses(error)',
      'callbacks.refuses(error) || isForced',
    ],
  ]),
  ...inFile('actors/sessions/refusal.ts', [
    ['a refusal with a status of the server has no text', 'MW9', ' || isInstance(error, Refusal)', ''],
  ]),
  ...inFile('actors/api/compose.ts', [
    [
      'the first middleware is the innermost',
      'MW1',
      'layers.reduceRight<HandlerFunction>(',
      'layers.reduce<HandlerFunction>(',
    ],
    [
      'a middleware hides what a handler rejects with',
      'MW3',
      '#innerFailed(error: unknown): void {',
      '#innerFailed(error: unknown): void {\n    this.#inner = undefined;',
    ],
    ['a middleware hides what a handler throws', 'MW3', 'if (this.#thrown) throw this.#thrown.error;', ''],
    [
      'false lets a client into a room',
      'MW4',
      'returned !== undefined && !this.#isDenied(returned)',
      'returned !== undefined',
    ],
    ['next runs the handler again and again', 'MW3', 'this.#isCalled = true;', ''],
    ['next runs the handler whenever it is called', 'MW3', 'if (this.#isOver) {', 'if (false) {'],
    [
      'a result that is not passed on is lost',
      'MW3',
      'if (this.#isCalled) return this.#inner;',
      'if (this.#isCalled) return undefined;',
    ],
    [
      'a promise that was left alone ends the process',
      'MW3',
      'if (isThenable(inner)) inner.then(',
      'if (false) inner.then(',
    ],
    [
      'a handler whose result was replaced fails in silence',
      'MW3',
      'if (this.#isReplaced) this.host.failed(error, this.message.event, this.ns);',
      '',
    ],
    [
      'a synchronous onion returns a promise',
      'MW3',
      'if (!isThenable(returned) || returned === this.#inner) return',
      'if (returned === this.#inner) return',
    ],
    ['an ask that a middleware stops is never answered', 'MW4', 'return stopped;', 'return undefined;'],
    ['stopped messages are not counted', 'MW4', 'this.host.counters.stoppedEvents++;', ''],
    [
      'lifecycle events pass through every middleware',
      'MW2',
      'systemEvents.has(event) ? ofLifecycle : ofEvents',
      'ofEvents',
    ],
    [
      'a lifecycle event that nothing is around counts as a handler',
      'MW2',
      'if (ofLifecycle.length === 0 && !any) return surrounded;',
      '',
    ],
    [
      'a lifecycle event without a handler passes through nothing',
      'MW2',
      'if (!surrounded.has(event)) surrounded.set(event, compose(ofLifecycle, any ?? noHandler, host));',
      '',
    ],
  ]),
  ...inFile('actors/api/handlers.ts', [
    [
      'middleware of a namespace is outside',
      'MW1',
      '[...outer, ...(inner.get(name) ?? [])]',
      '[...(inner.get(name) ?? []), ...outer]',
    ],
    ['rooms are always open', 'RM8', 'if (isClosed) this.#closed.add(name);', ''],
    ['any contract will do', 'MW5', 'shape !== undefined && !this.gate?.isShapeOf(name, shape)', 'false'],
    ['a limit that closes is a fault', 'MW7', 'isInstance(thrown, RuleBroken) || ', ''],
    ['a limit closes for the program', 'MW7', 'isInstance(error, RuleBroken) ? error.reason : undefined', 'undefined'],
  ]),
  ...inFile('actors/connection/transitions.ts', [
    [
      'a step that a middleware stops goes on',
      'MW4',
      "if (outcome.kind === 'stopped' && !step.isForced) return this.take({ ...step, error: dropped }, 'REFUSED');",
      '',
    ],
    [
      'a forced step stops',
      'MW4',
      "if (outcome.kind === 'stopped' && !step.isForced)",
      "if (outcome.kind === 'stopped')",
    ],
  ]),
  ...inFile('actors/connection/memberships.ts', [
    ['a room keeps the frame that asked for it', 'RM6', 'this.connection.subscriber.nameOf(namespace, room)', 'room'],
    ['a namespace keeps the frame that asked for it', 'RM6', 'compact(namespace)', 'namespace'],
    ['a closed room is joined by the client', 'RM8', 'if (handlers.hasClosedRooms(namespace)) {', 'if (false) {'],
    ['joins to closed rooms are not counted', 'RM8', 'counters.closedJoins++;', ''],
  ]),
  ...inFile('actors/middleware/rateLimit.ts', [
    ['every event counts', 'MW6', 'if (counted && !counted.has(message.event)) return next();', ''],
    [
      'a limit keeps a forced event from its handler',
      'MW6',
      'if (message.isForced || message.isLocal) return',
      'if (false) return',
    ],
    ['a key of any length', 'MW6', 'key.length <= maxKey', 'true'],
    [
      'a key limits nobody',
      'MW6',
      'its === undefined ? buckets.takeOf(ns.conn) : buckets.takeBy(its)',
      'buckets.takeOf(ns.conn)',
    ],
    ['refused messages are not counted', 'MW7', 'host.counters.rateRefused++;', ''],
    ['dropped messages are not counted', 'MW7', 'void host.counters.rateDropped++', 'undefined'],
  ]),
  ...inFile('actors/middleware/tokenBuckets.ts', [
    ['a key keeps its message', 'MW6', "typeof key === 'string' && !this.#young.has(key) ? compact(key) : key", 'key'],
    [
      'buckets fill beyond their size',
      'MW6',
      'Math.max(now, fullAt)',
      'fullAt === Number.NEGATIVE_INFINITY ? now : fullAt',
    ],
    ['buckets of keys stay', 'MW6', 'this.#keepAging();\n    return true;', 'return true;'],
    ['keys without a bound', 'MW6', 'if (this.#young.size >= maxKeys && !this.#young.has(key)) this.#age();', ''],
    ['an empty bucket gives a token', 'MW6', 'next - now > this.span', 'next - now > 2 * this.span'],
  ]),
];
