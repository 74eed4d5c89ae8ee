import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const telemetryFaults = [
  ...inFile('actors/telemetry/inspection.ts', [
    [
      'a late observer does not receive the running actors',
      'IN1',
      'for (const actor of [...this.parts.directory.running()]) this',
      'for (const actor of [...this.parts.directory.running()].slice(9)) this',
    ],
    [
      'an actor that is wanted later is not introduced',
      'IN1',
      '      introduce(actorRef);\n      emit(',
      '      emit(',
    ],
    [
      'what a late observer does about running actors is missed',
      'IN1',
      'this.#listeners.add(listener);',
      'queueMicrotask(() => this.#listeners.add(listener));',
    ],
    [
      'a filter that throws reaches the sender',
      'IN3',
      '        return wants(actor);\n      } catch (error) {',
      '        return wants(actor);\n      } catch (error) {\n        throw error;',
    ],
    ['an observer receives the steps of all actors', 'IN4', 'if (!isWanted(actorRef)) return;', ''],
    ['what an observer throws reaches an actor', 'IN3', 'guarded(call, this.parts.report);', 'call();'],
    [
      'an observer that has unsubscribed receives what is queued',
      'IN3',
      'if (!isOver) this.#guarded(() => next(event));',
      'this.#guarded(() => next(event));',
    ],
    ['observers run inside mailboxes', 'IN2', 'this.parts.mailboxes.defer(() => this.#flush());', 'this.#flush();'],
    [
      'observers run between a step and what it leads to',
      'IN2 BC3',
      'this.parts.mailboxes.defer(() => this.#flush());',
      'this.parts.mailboxes.runOrDefer(() => this.#flush());',
    ],
    ['observers block the event loop', 'IN3', 'call && at < eventsPerTick;', 'call && at < 1_000_000;'],
    [
      'frames of unwanted connections are shown',
      'IN4',
      'if (passed && wantsPassed?.(actor) !== false) this',
      'if (passed) this',
    ],
    [
      'frames are not shown',
      'IN1',
      'if (this.#seesPassed) this.#show(actor, (): FrameEvent',
      'if (!this.#seesPassed) this.#show(actor, (): FrameEvent',
    ],
    [
      'frames of the session layer are not shown',
      'SS17',
      'this.passed(actor, event);\n  }\n  /** Passes on a write',
      '}\n  /** Passes on a write',
    ],
  ]),
  ...inFile('actors/telemetry/recorder.ts', [
    ['every step is kept', 'IN5', 'if (steps.length > this.limits.last) steps.shift();', ''],
    ['every connection is recorded', 'IN5', ' || this.random.next() >= this.limits.sample', ''],
    ['a path that was returned changes', 'IN5', 'get(actor)?.steps.slice()', 'get(actor)?.steps'],
    ['nothing is kept of connections outside of the sample', 'IN5', 'if (!known && (!this', 'if (!known || (!this'],
    ['the steps to an open connection are kept of all', 'IN5', ' || isOrdinary(before, after))) return;', ')) return;'],
    ['a step without a new state is kept', 'IN5', 'if (from === to) return;', ''],
    [
      'all text of an event is kept',
      'IN5',
      "return typeof code === 'number' ?",
      "if (typeof text === 'string') return text;\n  return typeof code === 'number' ?",
    ],
  ]),
];
