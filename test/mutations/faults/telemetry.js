import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const telemetryFaults = [
  ...inFile('actors/telemetry/inspection.ts', [
    [
      'a late observer is not told who lives',
      'IN1',
      'for (const actor of [...this.living()]) this',
      'for (const actor of [...this.living()].slice(9)) this',
    ],
    ['whoever is wanted later is not introduced', 'IN1', '      introduce(actorRef);\n      tell(', '      tell('],
    [
      'what a late one does about those who live is missed',
      'IN1',
      'this.#listeners.add(listener);',
      'queueMicrotask(() => this.#listeners.add(listener));',
    ],
    [
      'a filter that throws reaches whoever speaks',
      'IN3',
      '        return wants(actor);\n      } catch (error) {',
      '        return wants(actor);\n      } catch (error) {\n        throw error;',
    ],
    ['whoever watches is shown everybody', 'IN4', 'if (!isWanted(actorRef)) return;', ''],
    ['what an observer throws reaches an actor', 'IN3', 'guarded(tell, this.report);', 'tell();'],
    [
      'one that has enough hears what is under way',
      'IN3',
      'if (!isOver) this.#guarded(() => hear(event));',
      'this.#guarded(() => hear(event));',
    ],
    ['observers run inside of mailboxes', 'IN2', 'this.mailboxes.defer(() => this.#tellNews());', 'this.#tellNews();'],
    [
      'observers are told in the middle',
      'IN2 BC3',
      'this.mailboxes.defer(() => this.#tellNews());',
      'this.mailboxes.runOrDefer(() => this.#tellNews());',
    ],
    ['observers hold the event loop', 'IN3', 'news && at < newsAtOnce;', 'news && at < 1_000_000;'],
    ['frames of others are shown', 'IN4', 'if (passed && wantsPassed?.(actor) !== false) this', 'if (passed) this'],
    [
      'deliveries of others are shown',
      'IN4',
      'if (!passed || wantsPassed?.(actor) === false) continue;',
      'if (!passed) continue;',
    ],
    ['frames are not shown', 'IN1', 'if (!this.seesPassed) return;', 'if (this.seesPassed) return;'],
  ]),
  ...inFile('actors/telemetry/recorder.ts', [
    ['every step is kept', 'IN5', 'if (steps.length > this.limits.last) steps.shift();', ''],
    ['everybody is recorded', 'IN5', ' || this.random() >= this.limits.sample', ''],
    ['what was told changes', 'IN5', 'get(actor)?.steps.slice()', 'get(actor)?.steps'],
    ['of those outside of the sample nothing is kept', 'IN5', 'if (!known && (!this', 'if (!known || (!this'],
    ['to be let in is kept of everybody', 'IN5', ' || isOrdinary(before, after))) return;', ')) return;'],
    ['a step that leads nowhere is kept', 'IN5', 'if (from === to) return;', ''],
    [
      'what an event says is kept whole',
      'IN5',
      "return typeof code === 'number' ?",
      "if (typeof text === 'string') return text;\n  return typeof code === 'number' ?",
    ],
  ]),
];
