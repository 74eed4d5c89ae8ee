import { inFile } from './inFile.js';
import { watchingFaults } from './watchingFaults.js';

/** @type {readonly import('./inFile.js').Fault[]} */
export const faults = [
  ...inFile('broadcast/broadcaster.ts', [
    ['exclusion of a connection ignored', 'BC13', ' || issue.except === recipient', ''],
    [
      'exclusion of an id ignored',
      'BC13',
      'if (issue.exceptId !== null && issue.exceptId === recipient.id) continue;',
      '',
    ],
    ['`to` reaches who is not in the place', 'BC1', ' || !topic.members.has(seat)', ''],
    ['what is owed from several sources is not put in order', 'BC3', 'if (sources > 1) owed.sort(byNumber);', ''],
    ['served twice', 'BC2', 'next ? next.number - 1 : this.#last;', 'this.#last - 1;'],
    ['a congested socket is written to', 'BP1', 'if (seat.isCongested) return this.#keep(seat, owed, isFirst);', ''],
    [
      'several writes in a turn',
      'BC6',
      'this.#deliver(seat, bytes, messages);',
      'this.#deliver(seat, bytes.subarray(0, 2), 0);\n    this.#deliver(seat, bytes.subarray(2), messages);',
    ],
    [
      'broadcast writes at once',
      'BC5',
      'topic.pending.push({ number, bytes, except, exceptId, at: this.now() });',
      'topic.pending.push({ number, bytes, except, exceptId, at: this.now() });\n    this.walk(Number.POSITIVE_INFINITY);',
    ],
    ['flush does not wait', 'BC8', 'if (this.#isDone(upTo)) return', 'if (upTo >= 0) return'],
    ['a message is framed for each', 'BC7 BC6', 'entry ??= this.#makeEntry', 'entry = this.#makeEntry'],
    ['what was owed before a congestion counts as lag', 'BP2', 'if (isLag) seat', 'seat'],
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
      'seat.cursor < last ? seat : undefined',
      'undefined',
    ],
    ['the log is never done with', 'BC10', 'this.#topicBytes -= pass.end();', 'pass.end();'],
  ]),
  ...inFile('broadcast/tempo.ts', [
    [
      'slices without end',
      'BC5',
      'return this.#until !== Number.POSITIVE_INFINITY && this.now() >= this.#until;',
      'return false;',
    ],
    ['what is to come is not foreseen', 'BC10', 'return (this.owed * this.#paceMs) / this.#paceGiven;', 'return 0;'],
  ]),
  ...inFile('broadcast/due.ts', [
    ['the log of messages to one id is never done with', 'BC10', 'this.bytes = 0;\n    return', 'return'],
  ]),
  ...inFile('actors/brake.ts', [
    ['nobody is held back', 'BC10', 'return this.#isOn && speaker.spokeIn === this.#era;', 'return false;'],
    ['everybody is held back', 'BC10', 'this.#isOn && speaker.spokeIn === this.#era', 'this.#isOn'],
    ['whoever is held back stays so', 'BC10', 'for (const one of held) this.release(one);', ''],
    ['released at the mark itself', 'BC10', 'logBytes * 2 < maxLog', 'logBytes < maxLog'],
    ['a slow walk holds nobody back', 'BC10', ' || lag > maxLogDelay', ''],
  ]),
  ...inFile('actors/standing.ts', [
    ['no serve before a join', 'BC1 BC4', 'this.serve();\n    this.audience.join', 'this.audience.join'],
    ['no serve before a leave', 'BC2 BC4', 'this.serve();\n    this.audience.leave', 'this.audience.leave'],
    ['no serve before the end', 'BC4 SV5 BC2', 'this.serve();\n    this.audience.depart', 'this.audience.depart'],
  ]),
  ...inFile('actors/connection.ts', [
    ['no serve before an emit', 'BC3', 'this.place.serve();\n    if (this.#view', 'if (this.#view'],
    ['a drained queue is no sign of life', 'LM3', 'this.books.tookAll(this);', ''],
    ['congestion not noticed', 'BP1 BP2', 'if (!this.hasRoom && !this.#view.isCongested)', 'if (false)'],
    ['a slow consumer is kept', 'BP2', "if (this.#view.isCongested) this.#tell({ type: 'LAGGED' });", ''],
    ['a frame behind the close frame', 'SV11 SV5', 'this.#narrow();\n    this.socket.close', 'this.socket.close'],
    ['asks not rejected at the end', 'AK4 SV3', 'this.questions.failAll();', ''],
    [
      'a second teardown',
      'NS7 SV3',
      'this.lane.finish(() => this.#depart());',
      'this.lane.next(() => this.#depart());',
    ],
  ]),
  ...inFile('actors/asks.ts', [
    [
      'an answer is taken from anybody',
      'AK2 AK6',
      'if (!pending?.from.mayAnswer(connection)) return false;',
      'if (!pending) return false;',
    ],
    [
      'an ask is never over',
      'AK4',
      'timeout === undefined ? undefined : sweeper.after(timeout, () => giveUp(new AskTimeout(timeout)));',
      'timeout === undefined ? undefined : { cancel() {} };',
    ],
    ['asks without a bound', 'AK9', 'if (tokens.size >= this.defaults.pending)', 'if (false)'],
    ['an ask is settled again and again', 'AK2 AK5', 'this.#pending.delete(token);', ''],
  ]),
  ...inFile('machines/connection.ts', [
    [
      'let in without M',
      'HS2 HS9',
      "always: { guard: 'isNativeOnly', target: 'heard' }",
      "always: { target: 'heard' }",
    ],
    [
      'no word of the refusal',
      'HS7',
      "                    'sendRefusal',\n                  ],\n                },\n              },\n              after",
      '                  ],\n                },\n              },\n              after',
    ],
  ]),
  ...inFile('actors/wiring.ts', [
    [
      'early frames without a bound',
      'HS5',
      'held.frames < early.frames && held.bytes + sizeOf(event) <= early.bytes',
      'held.frames >= 0',
    ],
  ]),
  ...inFile('actors/handshake.ts', [
    [
      'early frames are dropped',
      'HS4',
      'for (const data of this.#frames.splice(0)) this.host.socketOnMessage(data);',
      '',
    ],
    ['what onConnect emits goes before A', 'HS3', 'this.#writes.push(payload);', 'this.host.putPayload(payload);'],
    [
      'early bytes are kept as they were read',
      'HS5 FR7',
      "typeof data === 'string' ? data : new Uint8Array(data)",
      'data',
    ],
  ]),
  ...inFile('actors/reception.ts', [
    [
      'a room is open to all',
      'RM5',
      "if (frame.room !== '' && !memberships.isMember(frame.namespace, frame.room)) return",
      "if (frame.room === '\\0') return",
    ],
    [
      'notifications are believed',
      'NS9',
      'isSystemEvent(frame.event) || frame.event === OnAnyEvent ? this.#ignore()',
      "frame.event === '' ? this.#ignore()",
    ],
    [
      'a failed handler is not answered',
      'AK8',
      'if (mayAnswer && !frame.isNative) this.host.send(encodeErrorReply(frame, outcome.error));',
      '',
    ],
    [
      'answers wait for their turn',
      'AK7',
      'if (!this.host.questions.settle(frame)) counters.strayAnswers++;',
      'this.lane.push(frame, data.length);',
    ],
    ['what this side began is not waited for', 'NS6', 'return memberships.isArriving(namespace) ||', 'return'],
  ]),
  ...inFile('actors/lane.ts', [
    ['turns overlap', 'SV7', 'this.#running++;\n', ''],
    ['a full lane is read on', 'BP3', 'return this.host.laneFilled(shouldStop);', 'return undefined;'],
    ['everything at once', 'LM9', 'return this.#share-- > 0;', 'return this.#share-- > 0 || true;'],
  ]),
  ...inFile('actors/handlers.ts', [
    [
      'a handler that hangs keeps its lane',
      'SV4',
      "const deadline = sweeper.after(timeout, () => resolve({ kind: 'error', error: new HandlerTimeout(timeout) }));",
      'const deadline = { cancel() {} };',
    ],
  ]),
  ...inFile('actors/memberships.ts', [
    ['rooms without a bound', 'RM6', 'return count >= this.house.limits.rooms;', 'return false;'],
    ['namespaces without a bound', 'NS11', 'if (this.#all.size >= this.house.limits.namespaces)', 'if (false)'],
    ['names without a bound', 'RM5', 'if (!this.#isRoomName(room)) return', "if (room === '\\0') return"],
  ]),
  ...inFile('actors/heartbeat.ts', [
    ['whoever has vanished is kept', 'LM3', 'if (isLost) one.lose();', ''],
    ['a heartbeat judges at the first look', 'LM3', 'this.#suspects.add(one);', 'one.lose();'],
    ['a heartbeat takes a ping behind other bytes for one', 'LM3', 'if (backlog === 0) {', 'if (backlog >= 0) {'],
    [
      'a heartbeat keeps who is stuck',
      'LM3',
      'return stirring(one) <= (this.#behind.get(one) ?? nothingYet);',
      'return false;',
    ],
    ['a heartbeat does not see what is taken', 'LM3', 'return received + sent;', 'return received;'],
  ]),
  ...inFile('actors/pace.ts', [
    ['nobody has to say anything', 'LM4', 'if (readTimeout === 0) return;', 'if (readTimeout >= 0) return;'],
    ['nobody has to take anything', 'LM5', 'if (writeTimeout === 0 || ', 'if (writeTimeout >= 0 || '],
  ]),
  ...inFile('actors/framelog.ts', [
    [
      'names are logged as they are',
      'SV12',
      'JSON.stringify(name).replace(unprintable,',
      'JSON.stringify(name).replace(/\0/g,',
    ],
  ]),
  ...inFile('server/websocket.ts', [
    ['a message may take for ever', 'LM6', 'else if (this.#incomplete === undefined) this.#messageBegan();', ''],
    ['the deadline of a message is that of the next', 'LM6', 'this.#messageEnded();\n    const bytes', 'const bytes'],
    ['pieces without end', 'LM6', 'maxBufferedChunks: fragments * 16,', ''],
    ['a goodbye is not heard', 'SV6', 'this.watcher?.wsOnClosing(', 'this.emit('],
  ]),
  ...inFile('protocol/message.ts', [
    ['JSON reaches prototypes', 'FR9', "if (key === '__proto__') return undefined;", ''],
  ]),
  ...inFile('actors/visits.ts', [
    ['a do that waits for itself is not told so', 'DO3 DO4', ' && this.#queued !== queuedBefore', ' && false'],
    ['every late visitor waits for itself', 'DO3', ' && this.#queued !== queuedBefore', ''],
    ['failures of visits are forgotten', 'DO3', 'if (failures.length === 0) this.#tell', 'if (failures) this.#tell'],
  ]),
  ...inFile('actors/supervisor.ts', [
    [
      'a do outlives the root actor',
      'DR1 DO4',
      'this.#visits.refuse(ErrWrite, (tell) => this.#house.doors.afterwards(tell));',
      '',
    ],
    [
      'who arrives after the end is sent to the root actor',
      'DR1',
      'if (this.#isOver) this.#registry',
      'if (false) this.#registry',
    ],
  ]),
  ...inFile('actors/registry.ts', [
    ['who has gone is held on', 'DO2', 'socketOnClose: leave', 'socketOnClose: ignore'],
  ]),
  ...inFile('machines/supervisor.ts', [
    ['whoever comes during a do is let in', 'DO2', "actions: 'hold'", "actions: 'admit'"],
  ]),
  ...inFile('protocol/codec.ts', [
    [
      'separators are not escaped',
      'FR3',
      'field.includes(separator) ? field.replaceAll(separator, escaped) : field',
      'field',
    ],
    [
      'a token is kept when a message is sent on',
      'BC9',
      'const { namespace, room, event, body, isBinary, isNative } = frame;\n  const message',
      'const { namespace, wait: room, event, body, isBinary, isNative } = frame;\n  const message',
    ],
    [
      'binary is answered in text',
      'FR5',
      'const isBinary = asked.isBinary || typeof body',
      'const isBinary = typeof body',
    ],
    [
      'an error without a text is one',
      'FR4',
      'if (!isError || body.length === 0) return undefined;',
      'if (!isError) return undefined;',
    ],
  ]),
  ...inFile('server/upgrade.ts', [
    ['foreign origins are let in', 'HS13', "throw new UpgradeRefused(403, 'origin not allowed')", 'return'],
    ['any id will do', 'HS11', 'if (fault) throw', 'if (!made) throw'],
    [
      'a header from a URL replaces a real one',
      'HS14 HS1',
      'request.headers[name] ??= value',
      'request.headers[name] = value',
    ],
    [
      'an upgrade by any method',
      'HS12',
      "} else if (request.method !== 'GET') {",
      "} else if (request.method === '') {",
    ],
    [
      'a socket stands in line as often as it likes',
      'HS15',
      'if (this.#pending.has(socket)) return',
      'if (socket.destroyed) return',
    ],
    ['what a program says of itself is told', 'HS1', 'status !== undefined && status < 500', 'status !== undefined'],
  ]),
  ...inFile('actors/backlog.ts', [['slices without end', 'LM9', 'if (this.now() >= until) break;', '']]),
  ...inFile('actors/steps.ts', [
    [
      'a CloseError is an error like any other',
      'AK10',
      'if (asked) this.host.lane.next',
      'if (!asked) this.host.lane.next',
    ],
  ]),
  ...inFile('actors/observers.ts', [
    ['observers are on their own', 'SV16', 'error: (error) => guarded(() => observer.error?.(error), report),', ''],
  ]),
  ...inFile('actors/inquiry.ts', [
    [
      'asks of audiences without end',
      'AK9',
      'if (!isForeign && inquiries.size - this.#foreign >= limits.asks.pending) throw',
      'if (parts.pending < 0) throw',
    ],
  ]),
  ...inFile('server/line.ts', [
    ['everybody finds a place', 'HS15', 'if (this.#taken < this.places) begin();', 'if (this.places > 0) begin();'],
  ]),
  ...inFile('actors/relay.ts', [
    ['an excluded id is kept from the others', 'EX6', "exceptId: exceptId ?? ''", "exceptId: ''"],
    [
      'bytes are sent as text',
      'EX6',
      'node: this.node, isBinary, isNative',
      'node: this.node, isBinary: false, isNative',
    ],
    [
      'an answer goes where its token says',
      'EX8 EX14',
      "isMarked ? this.exchange.channelOf('answers', token) : token",
      'token',
    ],
    [
      'an ask goes out before its answers are heard',
      'EX7',
      'bytesOf(encode(message, markToken(token))), false)',
      'bytesOf(encode(message, markToken(token))), true)',
    ],
    ['the channels of an ask stay', 'EX7', 'for (const channel of channels) this.#subscriptions.release(channel);', ''],
    [
      'an id that has gone is heard on',
      'EX3',
      'if (channel === undefined || !this.#subscriptions.release(channel)) return;',
      'return;',
    ],
    [
      'what skips an id that was away is missing',
      'EX9',
      "if (isNew) this.positions.forget(this.#ids.get(id) ?? '');",
      '',
    ],
    [
      'nothing is too large',
      'EX14',
      'if (payload.length <= exchangePayload) return',
      'if (exchangePayload > 0) return',
    ],
    [
      'what waits is not sent at the end',
      'EX16',
      'this.#publications.isFlowing ? this.#publications.whenEmpty() : undefined',
      'undefined',
    ],
  ]),
  ...inFile('actors/incoming.ts', [
    ['our own echo is served again', 'EX4', 'tag?.node === relay.node || ', ''],
    ['our own native echo is served again', 'EX4', 'if (relay.echoes?.take(channel, payload)) return undefined;', ''],
    ['nothing is missing', 'EX9', "relay.losses.note('missing', missing);", ''],
    ['lifecycle events come from the broker', 'EX14', ' && !isSystemEvent(frame.event)', ''],
    [
      'any namespace on any channel',
      'EX14',
      "place.kind === 'connection' || place.name === namespace",
      "place.kind === 'connection' || place.name !== ''",
    ],
    ['our own ask is asked again', 'EX7', ' || (foreign && house.asks.isOurs(foreign.token))', ''],
    [
      'a huge payload is taken',
      'EX14',
      "if (payload.length > house.limits.exchangePayload) return relay.losses.note('broken');",
      '',
    ],
    ['a flood is taken', 'EX14', "if (isFlooded()) return relay.losses.note('flooded');", ''],
  ]),
  ...inFile('actors/publications.ts', [
    ['what was in doubt is not counted', 'EX12', "if (flight) this.losses.note('unconfirmed', flight.messages);", ''],
    [
      'there is always room',
      'EX11',
      'if (this.waiting.bytes + payload.length > this.limits.outboxBytes)',
      'if (payload.length < 0)',
    ],
    ['nothing waits too long', 'EX11', 'if (oldest.since > before && !oldest.isCancelled) break;', 'break;'],
    [
      'an ask that is not ready is overtaken',
      'EX5 EX7',
      'if (!letter || !(letter.isReady || letter.isCancelled)) break;',
      'if (!letter) break;',
    ],
    [
      'what nobody wants any more is sent',
      'EX7 EX11',
      'if (!letter.isCancelled) this.#send(letter, flight);',
      'this.#send(letter, flight);',
    ],
    ['what is refused is in doubt', 'EX14 EX12', 'answers().then(', 'Promise.reject().then('],
  ]),
  ...inFile('actors/subscriptions.ts', [
    [
      'nobody waits for the broker',
      'EX3',
      'if (this.#isUp && !wanted.isHeard) wanted.waiting.push(heard);\n    else heard();',
      'heard();',
    ],
    [
      'who waits for a lost broker waits on',
      'EX3',
      'this.#isUp = false;\n    for (const wanted of this.#wanted.values()) {\n      wanted.isHeard = false;\n      for (const heard of wanted.waiting.splice(0)) heard();',
      'this.#isUp = false;\n    for (const wanted of this.#wanted.values()) {\n      wanted.isHeard = false;',
    ],
    [
      'a channel that is refused takes the link with it',
      'EX3 EX18',
      'if (this.host.isVital(wanted.meaning)) throw error;',
      'throw error;',
    ],
    ['a namespace that is refused is done without', 'EX1', 'if (this.host.isVital(wanted.meaning)) throw error;', ''],
    ['the first that goes takes the channel with him', 'EX3', '--wanted.count > 0', '--wanted.count > 99'],
  ]),
  ...inFile('actors/link.ts', [
    [
      'a broker that is silent is trusted',
      'EX15',
      '#beat(session: ExchangeSession): void {',
      '#beat(session: ExchangeSession): void {\n    if (session) return;',
    ],
    ['the session of a lost broker stays', 'EX15 EX10', 'session?.close();', ''],
    ['a lost session is given more', 'EX11 EX12', 'this.parts.publications.suspend();\n    try {', 'try {'],
    [
      'who closes waits for the others to be back',
      'EX16',
      'if (this.#session && this.#isHeard) this',
      'if (this.#isOver && this.#session) this',
    ],
    ['an answer that is there but not read is none', 'EX15', 'nextTurn(judge)', 'judge()'],
  ]),
  ...inFile('actors/issues.ts', [
    [
      "what others broadcast is our clients' doing",
      'BC10',
      'house.brake.review(broadcaster);',
      'house.brake.issued(broadcaster);',
    ],
    ['what is broadcast stays here', 'EX4', 'cluster.publish(message, skipped.exceptId);', ''],
  ]),
  ...inFile('actors/registry.ts', [
    [
      'a connection that is over already is reached',
      'EX3',
      'if (!this.#registered.has(connection)) return;\n    reach',
      'reach',
    ],
  ]),
  ...inFile('actors/cluster.ts', [
    ['a second exchange takes the place of the first', 'EX1', 'if (this.#relay) throw', 'if (!this.ids) throw'],
    ['a broker that was not there is kept', 'EX1', 'this.#relay = undefined;\n      throw error;', 'throw error;'],
    ['whoever was here before is not heard', 'EX3', 'for (const id of this.ids()) relay.hold(id, () => {});', ''],
  ]),
  ...inFile('actors/inquiry.ts', [
    [
      'nobody here is nobody anywhere',
      'EX7',
      'if (seats.size === 0 && !hasOthers()) return',
      'if (seats.size === 0) return',
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
      'for (const token of [...this.#deserted]) this.parts.house.asks.fail(token, ErrWrite);',
      '',
    ],
    [
      'an ask that cannot be sent waits',
      'EX7',
      'if (!end && seats.size === 0) house.asks.fail(token, ErrNoAudience);',
      '',
    ],
    ['asks of others are never too many', 'EX8', 'if (this.#foreign >= limits.asks.pending) return false;', ''],
  ]),
  ...inFile('actors/losses.ts', [
    ['losses are not told', 'EX18', 'this.tell(new ExchangeLoss(', 'void (new ExchangeLoss('],
  ]),
  ...watchingFaults,
];
