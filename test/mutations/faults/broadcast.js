import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const broadcastFaults = [
  ...inFile('broadcast/broadcaster.ts', [
    ['exclusion of a connection ignored', 'BC13', ' || issue.except === recipient', ''],
    [
      'exclusion of an id ignored',
      'BC13',
      'if (issue.exceptId !== null && issue.exceptId === recipient.id) continue;',
      '',
    ],
    ['`to` reaches who is not in the place', 'BC1', ' || !topic.members.has(subscriber)', ''],
    ['what is owed from several sources is not put in order', 'BC3', 'if (sources > 1) owed.sort(byNumber);', ''],
    ['served twice', 'BC2', 'next ? next.number - 1 : this.#last;', 'this.#last - 1;'],
    [
      'a congested socket is written to',
      'BP1',
      'if (subscriber.isCongested) return this.#keep(subscriber, owed, isFirst);',
      '',
    ],
    [
      'several writes in a turn',
      'BC6',
      'this.#deliver(subscriber, bytes, messages);',
      'this.#deliver(subscriber, bytes.subarray(0, 2), 0);\n    this.#deliver(subscriber, bytes.subarray(2), messages);',
    ],
    [
      'broadcast writes at once',
      'BC5',
      'topic.pending.push({ number, bytes, except, exceptId, at: this.now() });',
      'topic.pending.push({ number, bytes, except, exceptId, at: this.now() });\n    this.run(Number.POSITIVE_INFINITY);',
    ],
    ['flush does not wait', 'BC8', 'if (this.#isDone(upTo)) return', 'if (upTo >= 0) return'],
    ['a message is framed for each', 'BC7 BC6', 'entry ??= this.#makeEntry', 'entry = this.#makeEntry'],
    ['what was owed before a congestion counts as lag', 'BP2', 'if (isLag) subscriber', 'subscriber'],
    ['a rest is left where the walk has been', 'BC2 BC3', 'next ? next.number - 1 : this.#last', 'this.#last'],
    ['a member that has left is visited again', 'BC1 BC4', ' && topic.members.has(unfinished)', ''],
    [
      'a walk within a walk sees one topic alone',
      'BC2 BC8',
      'this.#passes.length + this.#underWay.length === 1',
      'this.#passes.length === 0',
    ],
    ['a flush within a walk does not see it', 'BC8', '[...this.#underWay, ...this.#passes]', '[...this.#passes]'],
    [
      'a walk that has stopped within a member goes on with the next',
      'BC2 BC5',
      'subscriber.cursor < last ? subscriber : undefined',
      'undefined',
    ],
    ['the log is never done with', 'BC10', 'this.#topicBytes -= pass.end();', 'pass.end();'],
  ]),
  ...inFile('broadcast/pacer.ts', [
    [
      'slices without end',
      'BC5',
      'return this.#until !== Number.POSITIVE_INFINITY && this.now() >= this.#until;',
      'return false;',
    ],
    [
      'what is to come is not foreseen',
      'BC10',
      'return (this.outstanding * this.#paceMs) / this.#paceGiven;',
      'return 0;',
    ],
  ]),
  ...inFile('broadcast/passes.ts', [
    ['the log of messages to one id is never done with', 'BC10', 'this.bytes = 0;\n    return', 'return'],
  ]),
  ...inFile('broadcast/throttle.ts', [
    ['nobody is held back', 'BC10', 'return this.#isOn && producer.producedIn === this.#epoch;', 'return false;'],
    ['everybody is held back', 'BC10', 'this.#isOn && producer.producedIn === this.#epoch', 'this.#isOn'],
    ['whoever is held back stays so', 'BC10', 'for (const one of held) this.release(one);', ''],
    ['released at the mark itself', 'BC10', 'logBytes * 2 < maxLog', 'logBytes < maxLog'],
    ['a slow walk holds nobody back', 'BC10', ' || lag > maxLogDelay', ''],
  ]),
  ...inFile('broadcast/subscriber.ts', [
    ['no serve before a join', 'BC1 BC4', 'this.serve();\n    this.topics.join', 'this.topics.join'],
    ['no serve before a leave', 'BC2 BC4', 'this.serve();\n    this.topics.leave', 'this.topics.leave'],
    ['no serve before the end', 'BC4 SV5 BC2', 'this.serve();\n    this.topics.remove', 'this.topics.remove'],
    ['deliveries are not shown', 'IN4', 'given.tap?.(this.recipient, bytes, frames);', ''],
    ['what is written is counted as one message', 'IN7', 'given.frames += frames;', 'given.frames += 1;'],
  ]),
];
