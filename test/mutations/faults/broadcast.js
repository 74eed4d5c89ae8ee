import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const broadcastFaults = [
  ...inFile('broadcast/broadcaster.ts', [
    ['nothing published is compressed', 'CP2', 'this.deflater?.offer(bytes);', ''],
    ['`to` reaches a connection outside of the topic', 'BC1', ' || !topic.members.has(subscriber)', ''],
    [
      'a broadcast writes at once',
      'BC5',
      'topic.pending.push({ number, bytes, except, exceptId, at: this.now() });',
      'topic.pending.push({ number, bytes, except, exceptId, at: this.now() });\n    this.run(Number.POSITIVE_INFINITY);',
    ],
    ['flush does not wait', 'BC8', 'if (this.#isDone(upTo)) return', 'if (upTo >= 0) return'],
    ['a message to one id is framed for each', 'BC7 BC6', 'entry ??= this.#directEntry', 'entry = this.#directEntry'],
    ['a member that has left is visited again', 'BC1 BC4', ' && topic.members.has(unfinished)', ''],
    [
      'a pass within a pass sees one topic alone',
      'BC2 BC8',
      'this.#passes.length + this.#running.length === 1',
      'this.#passes.length === 0',
    ],
    ['a flush within a pass does not see it', 'BC8', '[...this.#running, ...this.#passes]', '[...this.#passes]'],
    [
      'a pass that has stopped within a member goes on with the next',
      'BC2 BC5',
      'subscriber.cursor < last ? subscriber : undefined',
      'undefined',
    ],
    ['delivered messages still count in the log', 'BC10', 'this.#topicBytes -= pass.end();', 'pass.end();'],
  ]),
  ...inFile('broadcast/pacer.ts', [
    [
      'slices without end',
      'BC5',
      'return this.#until !== Number.POSITIVE_INFINITY && this.now() >= this.#until;',
      'return false;',
    ],
    [
      'the time of pending messages is not estimated',
      'BC10',
      'return (this.outstanding * this.#paceMs) / this.#paceDelivered;',
      'return 0;',
    ],
  ]),
  ...inFile('broadcast/passes.ts', [
    ['delivered messages to one id still count in the log', 'BC10', 'this.bytes = 0;\n    return', 'return'],
  ]),
  ...inFile('broadcast/throttle.ts', [
    ['no producer is paused', 'BC10', 'return this.#isOn && producer.producedIn === this.#epoch;', 'return false;'],
    ['every connection is paused', 'BC10', 'this.#isOn && producer.producedIn === this.#epoch', 'this.#isOn'],
    ['parked work is never released', 'BC10', 'for (const work of parked) this.release(work);', ''],
    ['released at the limit itself', 'BC10', 'logBytes * 2 < maxLog', 'logBytes < maxLog'],
    ['a slow delivery pauses no producer', 'BC10', ' || lag > maxLogDelay', ''],
  ]),
  ...inFile('broadcast/subscriber.ts', [
    ['exclusion of a connection ignored', 'BC13', ' || entry.except === this', ''],
    [
      'exclusion of an id ignored',
      'BC13',
      'if (entry.exceptId !== null && entry.exceptId === this.host.id) continue;',
      '',
    ],
    ['pending messages of several sources are not put in order', 'BC3', 'if (sources > 1) batch.sort(byNumber);', ''],
    ['delivered twice', 'BC2', 'next ? next.number - 1 : this.context.last;', 'this.context.last - 1;'],
    [
      'a rest is left behind by the cursor',
      'BC2 BC3',
      'next ? next.number - 1 : this.context.last',
      'this.context.last',
    ],
    ['a congested socket is written to', 'BP1', 'if (this.isCongested) return this.#moveToOutbox(batch, isFirst);', ''],
    [
      'several writes in a turn',
      'BC6',
      'this.#writePaced(bytes, messages);',
      'this.#writePaced(bytes.subarray(0, 2), 0);\n    this.#writePaced(bytes.subarray(2), messages);',
    ],
    ['messages from before a congestion count as lag', 'BP2', 'if (isLag) this.host', 'this.host'],
    [
      'nothing is delivered before a join',
      'BC1 BC4',
      'this.deliver();\n    this.context.topics.join',
      'this.context.topics.join',
    ],
    [
      'nothing is delivered before a leave',
      'BC2 BC4',
      'this.deliver();\n    this.context.topics.leave',
      'this.context.topics.leave',
    ],
    [
      'nothing is delivered before the end',
      'BC4 SV5 BC2',
      'this.deliver();\n    this.context.topics.remove',
      'this.context.topics.remove',
    ],
    ['deliveries are not shown', 'IN4', 'delivered.tap?.(this.host, bytes, messages);', ''],
    ['a write is counted as one message', 'IN7', 'delivered.frames += messages;', 'delivered.frames += 1;'],
  ]),
  ...inFile('broadcast/deflater.ts', [
    ['small messages are compressed', 'CP2', 'length > this.options.threshold && ', ''],
    ['large messages are compressed', 'CP2', ' && length <= maxDeflated', ''],
    ['a message is compressed for each client', 'CP2', "this.#known.set(bytes, { kind: 'wire', bytes: wire });", ''],
    ['a message that grows is sent compressed', 'CP2', 'if (wire.length >= bytes.length) {', 'if (wire.length < 0) {'],
    ['a compressed frame does not say so', 'CP2', '(bytes[0] ?? 0) | rsv1', 'bytes[0] ?? 0'],
    ['messages in one write are not compressed', 'CP2', "this.#known.set(bytes, { kind: 'frames', frames });", ''],
    ['saved bytes are not counted', 'CP3', 'this.tally.saved += bytes.length - wire.length;', ''],
  ]),
];
