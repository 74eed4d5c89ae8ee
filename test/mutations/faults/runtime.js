import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const runtimeFaults = [
  ...inFile('actors/telemetry/stopwatch.ts', [
    [
      'what passes between two reads counts for a handler',
      'IN7',
      'this.#isForgetting = false;\n    this.#isPresent = false;',
      'this.#isForgetting = false;',
    ],
    [
      'what passes in an outer call counts for an inner one',
      'IN7',
      'this.#isPresent = this.#depth === 0;',
      'this.#isPresent = true;',
    ],
    [
      'a call that has not ended is the outer one of all',
      'IN7',
      'leave(): void {\n    this.#depth--;',
      'leave(): void {',
    ],
    [
      'the clock is read twice for each call',
      'IN7',
      'return isPresent ? this.#ended : this.now();',
      'return this.now();',
    ],
  ]),
  ...inFile('actors/runtime/background.ts', [
    ['slices without end', 'LM9', 'if (this.now() >= until) break;', ''],
    ['what one inbox throws stops the others', 'LM9', 'if (this.#waiting.size > 0) this.wake(this);', ''],
    [
      'what one task throws stops the others',
      'BC5',
      'if (this.#tasks.size > 0 && !this.#isScheduled) this.#schedule();',
      '',
    ],
    [
      'what an inbox that throws has written waits for ever',
      'BC15',
      '} finally {\n      this.gathering.end(outer);',
      '} catch (error) {\n      throw error;\n    }\n    {\n      this.gathering.end(outer);',
    ],
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
    [
      'what waits when the process exits is lost',
      'BC15',
      'for (const gatherer of this.#holding) gatherer.release();',
      '',
    ],
    ['what is sent while the process exits is lost', 'BC15', 'if (this.atExit.isExiting) this.isDirect = true;', ''],
    ['servers that hold nothing back are kept', 'BC15', 'this.atExit.delete(this);', ''],
    ['inner work writes before the outer ends', 'BC15', " && outer !== 'afterWork')", ')'],
    ['microtasks have a write of their own', 'BC15', 'soon(() => process.nextTick(run))', 'process.nextTick(run)'],
    ['what waits has no bound', 'BC15', 'if (this.#bytes > maxHeld) this.release();', ''],
    [
      'a release within a release loses what comes after it',
      'BC15',
      'this.#next++;\n      next.release();',
      'next.release();\n      this.#next++;',
    ],
  ]),
  ...inFile('actors/runtime/clock.ts', [
    ['a quota is never renewed', 'LM9', 'if (current !== this.#tick) {', 'if (this.#tick === -1) {'],
  ]),
  ...inFile('actors/runtime/actorPatches.ts', [
    [
      'an observer without an error callback ends the process',
      'SV16',
      'error: (error: unknown): void => guarded(() => observer.error?.(error), report),',
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
  ...inFile('actors/charts/assigning.ts', [
    ['the children that an assign spawns are lost', 'SV9 SV11', 'spawned[child.id] = child;', ''],
    [
      'an assign forgets the rest of the context',
      'SV9 SV11',
      'Object.assign({}, context, changes)',
      'Object.assign({}, changes)',
    ],
    ['an assign has no parameters', 'SV9 SV11', '(given, params) : value;', '(given, undefined) : value;'],
  ]),
  ...inFile('actors/charts/memo.ts', [
    ['a memo hides steps from an inspector', 'IN1', 'if (isInspected(scope.system)) return undefined;', ''],
    [
      'an event that a chart raises itself has the type of its cause',
      'SV9',
      'progress, task.raised ?? event, scope',
      'progress, event, scope',
    ],
    ['a guard of always that throws is named', 'SV9', 'if (isEventless) throw error;', ''],
    ['a step that changes nothing makes a snapshot', 'SV9', 'if (from && isSame) return from;', ''],
    [
      'parameters that are functions are passed on',
      'SV11',
      "typeof listed === 'function' ? listed({ context, event }) : listed",
      'listed',
    ],
  ]),
  ...inFile('actors/charts/plan.ts', [
    [
      'a delay that is no number is planned',
      'SV11',
      "this.machine.implementations.delays[delay] : delay) === 'number'",
      "this.machine.implementations.delays[delay] : delay) !== 'string'",
    ],
    ['a guard that looks at states is planned', 'SV11', "if (!('check' in guard)) return true;", 'return true;'],
    [
      'any action of XState is planned',
      'SV11',
      "if (typeof type !== 'string' || !plannable.has(type)) return false;",
      '',
    ],
  ]),
  ...inFile('actors/charts/probe.ts', [
    [
      'always is not asked again after an assign',
      'SV9',
      'return this.changes(action) ? [marked, assign({})] : [marked];',
      'return [marked];',
    ],
    ['actors of a state are not started', 'SV11', 'hasActors ? [...actions, invokes] : actions', 'actions'],
  ]),
  ...inFile('actors/charts/scheduler.ts', [
    [
      'a timer takes the others of its actor with it',
      'SV8 SV3',
      'else if (timer.next) first.set(source, timer.next);',
      '',
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
