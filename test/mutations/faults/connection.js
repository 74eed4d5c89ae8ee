import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const connectionFaults = [
  ...inFile('actors/connection/connection.ts', [
    ['an emit goes before what was broadcast earlier', 'BC3', 'this.subscriber.deliver();\n    if', 'if'],
    [
      'a pong goes before what was broadcast earlier',
      'SS14',
      'this.subscriber.deliver();\n    this.writeRaw',
      'this.writeRaw',
    ],
    ['a pong that waits is never sent', 'SS14', 'this.session?.flush();', ''],
    ['a token expires after its connection', 'SS16', 'this.credentials?.cancel();', ''],
    ['a drained queue is no sign of life', 'LM3', 'this.listener.onDrained(this);', ''],
    ['congestion not noticed', 'BP1 BP2', 'if (!this.hasRoom && !this.#flags.isCongested)', 'if (false)'],
    ['a slow consumer is kept', 'BP2', "if (this.#flags.isCongested) this.sendEvent({ type: 'OVERFLOWED' });", ''],
    [
      'a frame behind the close frame',
      'SV11 SV5',
      'this.#bypassDecorators();\n    this.socket.close',
      'this.socket.close',
    ],
    ['asks not rejected at the end', 'AK4 SV3', 'this.peerAsks.failAll();', ''],
    [
      'the close of a client counts as the program’s',
      'IN9',
      "this.close(code, text, cause ?? 'client');",
      'this.close(code, text, cause);',
    ],
    ['a second teardown', 'NS7 SV3', 'this.inbox.finish(() => runEnd(this,', 'this.inbox.runNext(() => runEnd(this,'],
  ]),
  ...inFile('actors/connection/logic.ts', [
    ['what a chart drops is not counted', 'SV23', 'connection.dispatcher.drop(event.data);', '{}'],
    [
      'a frame is a drop before the connection is open',
      'SV23',
      'if (isOpen && isFrame(event) &&',
      'if (isFrame(event) &&',
    ],
    ['the text of a refusal is lost', 'SV23', 'params?.text ?? refusalText', 'refusalText'],
    [
      'early frames without a bound',
      'HS5',
      'early.frames < limits.earlyFrames && early.bytes + sizeOf(event) <= limits.earlyBytes',
      'early.frames >= 0',
    ],
    [
      'a frame that the chart no longer handles is lost',
      'SV11',
      'if (isLate(event, connection, context)) return snapshot;',
      '',
    ],
  ]),
  ...inFile('actors/connection/handshake.ts', [
    [
      'early frames are dropped',
      'HS4',
      'for (const data of this.#frames.splice(0)) this.connection.socketOnMessage(data);',
      '',
    ],
    ['what onConnect emits goes before A', 'HS3', 'this.#writes.push(payload);', 'this.#write(payload);'],
    [
      'early bytes are kept as they were read',
      'HS5 FR7',
      "typeof data === 'string' ? data : new Uint8Array(data)",
      'data',
    ],
  ]),
  ...inFile('actors/connection/dispatcher.ts', [
    ['a refusal is not counted', 'SV23', 'this.context.counters.chartRefusals++;', ''],
    [
      'a refused event is answered anywhere',
      'SV23',
      "frame.wait !== '' || this.connection.memberships.isMember(frame.namespace, frame.room)",
      'true',
    ],
    [
      'a refused ask hangs its client',
      'SV23',
      'if (mayAnswer && !frame.isNative) this.connection.send(encodeErrorReply(frame, new Error(text)));',
      '',
    ],
    [
      'notifications are believed',
      'NS9',
      'return isSystemEvent(frame.event) || frame.event === OnAnyEvent',
      "return frame.event === ''",
    ],
    [
      'answers wait for their turn',
      'AK7',
      "return this.connection.peerAsks.settle(frame) ? undefined : this.#discard('strayAnswers');",
      'return this.inbox.enqueue(frame, data.length);',
    ],
    [
      'an empty message is not counted',
      'FR6',
      "if (data.length === 0) return this.#discard('emptyFrames');",
      'if (data.length === 0) return;',
    ],
    ['a flood of garbage goes on', 'LM10', "this.connection.close(code, text, 'garbage');", ''],
    ['asks before a connection excuse its answers', 'LM10', 'asks.issued - this.#askedBefore', 'asks.issued'],
    ['a late answer is garbage', 'LM10', 'asks.issued - this.#askedBefore', '0'],
    ['what this side began is not waited for', 'NS6', 'return memberships.isArriving(namespace) ||', 'return'],
  ]),
  ...inFile('actors/connection/events.ts', [
    [
      'a room is open to all',
      'RM5',
      "const isOutside = room !== '' && !memberships.isMember(namespace, room);",
      "const isOutside = room === '\\0';",
    ],
    [
      'a failed handler is not answered',
      'AK8',
      'if (mayAnswer && !frame.isNative) connection.send(encodeErrorReply(frame, told(outcome.error)));',
      '',
    ],
  ]),
  ...inFile('actors/inbox/inbox.ts', [
    ['turns overlap', 'SV7', 'this.#unsettled++;\n', ''],
    ['the socket of a full inbox is read on', 'BP3', 'return this.host.inboxFilled(isFull);', 'return undefined;'],
    [
      'all frames are handled in one tick',
      'LM9',
      'return this.#quota.spend(1) >= 0;',
      'return this.#quota.spend(1) >= 0 || true;',
    ],
    ['a paused socket is read before half is handled', 'BP3', "(this.#isFull && fill === 'halfFull')", 'false'],
    ['a second end', 'SV3', "if (this.#intake !== 'finished') this.#intake = 'stopped';", "this.#intake = 'stopped';"],
    ['a paused client is read', 'BC10', "(wait === 'none' && this.#isHeldByThrottle)", 'false'],
  ]),
  ...inFile('actors/connection/memberships.ts', [
    ['rooms without a bound', 'RM6', 'return count >= this.context.limits.rooms;', 'return false;'],
    ['namespaces without a bound', 'NS11', 'if (this.#all.size >= this.context.limits.namespaces)', 'if (false)'],
    ['names without a bound', 'RM5', 'if (!this.#isRoomName(room)) return', "if (room === '\\0') return"],
  ]),
  ...inFile('actors/connection/transitions.ts', [
    [
      'a CloseError is an error like any other',
      'AK10',
      'if (asked) this.connection.inbox.runNext',
      'if (!asked) this.connection.inbox.runNext',
    ],
  ]),
  ...inFile('actors/connection/lifecycle.ts', [
    [
      'the end of a client’s socket counts as lost',
      'IN9',
      "cause: cause ?? 'client' };",
      "cause: cause ?? 'connectionLost' };",
    ],
    ['a lost line has no text', 'SV6', 'text: text || closeReasons.lost.text', 'text'],
    [
      'a killed connection waits for its handlers',
      'DR1',
      "socket: 'destroy', inbox: 'abandon' }",
      "socket: 'destroy', inbox: 'goOn' }",
    ],
    [
      'the cause of a program’s chart becomes a label',
      'IN9',
      "if (isCloseCause(cause) && cause !== 'program'",
      "if (cause !== '' && cause !== 'program'",
    ],
    [
      'a program that refuses a connection counts as one that closes it',
      'IN7 IN9',
      "if (!wasAccepted) return 'refused';",
      '',
    ],
    ['frames go past a chart that handles them', 'SV11', "isOpen && handlesItself(snapshot, 'FRAME')", 'false'],
    [
      'deliveries go past a chart that handles them',
      'SV11 IN4',
      "isOpen && handlesItself(snapshot, 'DELIVER')",
      'false',
    ],
  ]),
  ...inFile('actors/connection/commands.ts', [
    ['a message to one connection may have any members', 'BC14', 'assertMembers(given);', ''],
    [
      'what is no message is made one',
      'BC14',
      'isObject(message) ? { ...message, ...place } : message',
      '({ ...Object(message), ...place })',
    ],
  ]),
  ...inFile('actors/connection/handshake.ts', [
    [
      'an error of onConnect that is not told is told nowhere',
      'SV26',
      'if (told !== error) {',
      'if (told === undefined) {',
    ],
    ['onConnect tells every text', 'SV26', 'const text = errorText(told);', 'const text = errorText(error);'],
  ]),
  ...inFile('actors/connection/transitions.ts', [
    [
      'an error of a veto that is not told is told nowhere',
      'SV26',
      ' || told(error) === error) return;',
      ' || told) return;',
    ],
    [
      'a veto tells every text',
      'SV26',
      'encodeErrorReply(asked, this.context.told(error))',
      'encodeErrorReply(asked, error)',
    ],
  ]),
  ...inFile('actors/connection/events.ts', [
    ['a handler tells every text', 'SV26', 'told(outcome.error)', 'outcome.error'],
    ['a schema tells every text', 'SV26', 'context.told(decoded.error)', 'decoded.error'],
  ]),
];
