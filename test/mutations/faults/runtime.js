import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const runtimeFaults = [
  ...inFile('actors/runtime/background.ts', [
    ['slices without end', 'LM9', 'if (this.now() >= until) break;', ''],
    [
      'a slice writes after its end',
      'BC15 BC5',
      'const outer = this.gathering.beginDirect();',
      'const outer = this.gathering.beginWork();',
    ],
    [
      'an inbox in a slice has a write for each frame',
      'BC15',
      'const outer = this.gathering.beginWork();',
      'const outer = this.gathering.beginDirect();',
    ],
  ]),
  ...inFile('actors/runtime/gathering.ts', [
    [
      'what a read leads to waits for more',
      'BC15',
      "if (this.#moment === 'afterWork' && outer !== 'afterWork')",
      'if (false)',
    ],
    ['inner work writes before the outer ends', 'BC15', " && outer !== 'afterWork')", ')'],
    [
      'microtasks have a write of their own',
      'BC15',
      'queueMicrotask(() => process.nextTick(run))',
      'process.nextTick(run)',
    ],
    ['what waits has no bound', 'BC15', 'if (this.#bytes > maxHeld) this.#releaseAll();', ''],
  ]),
  ...inFile('actors/runtime/clock.ts', [
    ['a quota is never renewed', 'LM9', 'if (current !== this.#tick) {', 'if (this.#tick === -1) {'],
  ]),
  ...inFile('actors/runtime/actorPatches.ts', [
    [
      'an observer without an error callback ends the process',
      'SV16',
      'error: (error) => guarded(() => observer.error?.(error), report),',
      '',
    ],
  ]),
  ...inFile('actors/runtime/guard.ts', [
    [
      'a rejection is not reported',
      'IN3',
      'if (isThenable(returned)) Promise.resolve(returned).catch(report);',
      'if (isThenable(returned)) Promise.resolve(returned).catch(() => {});',
    ],
  ]),
  ...inFile('actors/charts/takenEvents.ts', [
    [
      'a frame that is sent again is not received',
      'SV23',
      'this.#fates.set(event, {',
      'if (!this.#fates.has(event)) this.#fates.set(event, {',
    ],
    ['a frame is received by each region', 'SV23', 'if (fate?.isReceived) return;', ''],
    ['a frame is refused by each region', 'SV23', 'if (fate?.isRefused) return;', ''],
    ['a refused frame is received', 'SV23', 'if (!fate?.isRefused) job();', 'job();'],
    ['a refused frame is a drop as well', 'SV23', 'return isReceived || isRefused;', 'return isReceived;'],
  ]),
  ...inFile('actors/runtime/mailbox.ts', [
    [
      'a chart that takes frames for nothing does not get them',
      'SV23',
      '[...node.transitions.keys()].some(handles(type))',
      'node.ownEvents.some(handles(type))',
    ],
  ]),
  ...inFile('actors/runtime/histogram.ts', [
    ['a bound of a histogram is left out', 'IN7', 'ms > (bounds[at] ?? ms)', 'ms >= (bounds[at] ?? ms)'],
    [
      'a bucket does not include the ones below it',
      'IN7 IN8',
      'count += this.#counts[at] ?? 0;',
      'count = this.#counts[at] ?? 0;',
    ],
  ]),
  ...inFile('actors/charts/implementations.ts', [
    ['guards of the program lose', 'SV11 SV19', "...Object.fromEntries(own('guards'))", ''],
    [
      'an action of the program replaces ours',
      'SV11 SV19',
      'if (action === undefined) return [name, theirs];',
      'return [name, theirs];',
    ],
  ]),
];
