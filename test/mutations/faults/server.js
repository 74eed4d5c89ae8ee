import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const serverFaults = [
  ...inFile('server/socket/handshake.ts', [
    ['pieces without end', 'LM6', 'maxBufferedChunks: fragments * 16,', ''],
    ['ws answers pings itself, and ends a client that sends 61 at once', 'LM7', 'autoPong: false,', ''],
  ]),
  ...inFile('server/socket/closingWebSocket.ts', [
    [
      'a close frame is answered without its code',
      'FR11',
      'if (code === noCode) super.close();',
      'if (code < 4_000) super.close();',
    ],
    ['a close frame of the client goes unnoticed', 'SV6', 'this.watcher?.wsOnClosing(', 'this.emit('],
  ]),
  ...inFile('server/socket/serverSocket.ts', [
    ['a message may take for ever', 'LM6', 'else if (this.#incomplete === undefined) this.#messageBegan();', ''],
    [
      'the deadline of a message is that of the next',
      'LM6',
      'this.#messageEnded();\n    this.#answerPings();',
      'this.#answerPings();',
    ],
    ['a ping that waits for room is never answered', 'LM7', 'if (this.writable) this.#pongs?.drained();', ''],
    [
      'a close frame comes before the pong',
      'LM7',
      'this.#answerPings();\n    this.#listener?.socketOnClosing',
      'this.#listener?.socketOnClosing',
    ],
    [
      'an answer comes before the pong',
      'LM7',
      'this.#messageEnded();\n    this.#answerPings();',
      'this.#messageEnded();',
    ],
    ['a pong is not counted', 'LM7', 'this.pongContext.counters.pongs++;', ''],
    ['a client that reads no pong has no reason', 'LM7', "listener?.socketOnClose(code, text, 'unreadPongs');", ''],
  ]),
  ...inFile('server/socket/serverSocket.ts', [
    [
      'a close frame overtakes what waits',
      'BC15 BC3',
      'this.outlet.flush();\n    this.#isFinished = true;',
      'this.#isFinished = true;',
    ],
    [
      'what waits is lost with a socket that the server destroys',
      'BC15',
      '    this.outlet.flush();\n    this.ws.terminate();',
      'this.ws.terminate();',
    ],
  ]),
  ...inFile('server/socket/outlet.ts', [
    ['a write at once overtakes what waits', 'BC15 BC3', 'isDirect && this.#gathered === undefined)', 'isDirect)'],
    [
      'one write has no bound',
      'BC15',
      'if (this.#size > 0 && this.#size + bytes.length > maxGathered)',
      'if (!this.writable)',
    ],
    ['a socket that is filled late is never congested', 'BC15 BP1', 'this.listener.outletOnFull();', 'return;'],
    [
      'frames that wait for a lost socket are not counted',
      'BC15',
      'this.context.counters.lateWrites += gathered.length - uncounted;',
      ';',
    ],
    ['what waits is no pressure', 'BC15', 'return this.#size + this.queued;', 'return this.queued;'],
    [
      'a drained socket is filled without notice',
      'BC15 BP1',
      'const outer = gathering.beginDirect();',
      'const outer = gathering.beginWork();',
    ],
    ['frames of one read have a write each', 'BC15', 'gathering.add(this);', 'return this.#flush(1);'],
  ]),
  ...inFile('server/socket/handle.ts', [
    ['a handle that has drained is not noticed', 'BP1', 'if (this.writable) this.drained();', ''],
    ['what waits in a handle is no pressure', 'BP1', 'this.#waiting += bytes.length;', ''],
  ]),
  ...inFile('server/socket/pongs.ts', [
    ['only the last of many pings is answered', 'LM7', 'joined(pings.map(pong))', 'pong(latest)'],
    ['pongs pile up in a full socket', 'LM7', 'if (!this.outlet.writableNeedDrain) {', 'if (latest) {'],
    ['a skipped ping is not counted', 'LM7', 'counters.skippedPings +=', 'const _ ='],
    ['a client that reads no pong is kept', 'LM7', 'return now - since < slowConsumerTimeout;', 'return true;'],
    ['a pong that waits begins its wait again with each ping', 'LM7', 'this.#waiting?.since ?? now', 'now'],
    ['a ping that waits keeps its read buffer', 'LM7', 'data: new Uint8Array(latest)', 'data: latest'],
  ]),
  ...inFile('server/upgrade.ts', [
    [
      'an upgrade by any method',
      'HS12',
      "} else if (request.method !== 'GET') {",
      "} else if (request.method === '') {",
    ],
    [
      'an arrival at a closed server is not counted',
      'IN7',
      'if (this.isOver) return this.#admission.drop(socket);\n    return this.#whenFree',
      'if (this.isOver) return void socket.destroy();\n    return this.#whenFree',
    ],
    [
      'a hinted client is refused by HTTP',
      'SS11',
      'if (greetings.isGreeted(request)) {',
      'if (!refusal && greetings.isGreeted(request)) {',
    ],
    ['a refused origin is told to nobody', 'HS13', 'this.#warnOf(foreign, request);', ''],
    [
      'every address has the same line',
      'HS15',
      'const address = this.addressOf(request);',
      'const address = void request;',
    ],
    [
      'many origins keep other warnings back',
      'HS15',
      'proxy: new Warnings() };',
      'get proxy() { return this.origins; } };',
    ],
    ['clients of a proxy wait unnoticed', 'HS15', "this.#warnings.proxy.warn('proxy', crowdedProxy(address));", ''],
    ['the end of the server forgets who is greeted', 'SS11', 'this.supervisor.greetings.close();', ''],
    ['a late refusal is reported again', 'HS8', 'if (refusal && !isLate)', 'if (refusal)'],
  ]),
  ...inFile('server/mount.ts', [
    [
      'an upgrade of ours reaches the listeners of the app',
      'HS12',
      'return mounted !== undefined;\n  };\n\n  /** Returns whether an event',
      'return false;\n  };\n\n  /** Returns whether an event',
    ],
    ['a listener stays after the last detach', 'HS12', "http.off('upgrade', onUpgrade);", ''],
    ['what another one has wrapped is thrown away', 'HS12', 'if (http.emit !== emitting) return;', ''],
  ]),
  ...inFile('actors/runtime/warnings.ts', [
    ['a warning comes again and again', 'HS13', 'this.#subjects.has(subject) || ', ''],
  ]),
  ...inFile('server/admission/origin.ts', [
    [
      'foreign origins are let in',
      'HS13',
      'if (isAllowed) return undefined;',
      'if (isAllowed || requested) return undefined;',
    ],
    ['the client is told of the inside', 'HS13', ", body: 'origin not allowed' };", ' };'],
    [
      'a header acts on the terminal that shows a warning',
      'HS13',
      ': quoted(header.slice(',
      ': JSON.stringify(header.slice(',
    ],
    ['the port of a host is not looked at', 'HS13', "isSecure ? '443' : usual", 'usual'],
  ]),
  ...inFile('server/admission/proxies.ts', [
    [
      'a hop that is not trusted names the one before it',
      'HS17',
      'this.#trusts(address, hop) ? forwardedAddress(entry) : undefined',
      'forwardedAddress(entry)',
    ],
    ['an untrusted peer names the host', 'HS17', 'if (!isTrusted) return {', 'if (!socket) return {'],
  ]),
  ...inFile('server/admission/addresses.ts', [
    [
      'a client of IPv6 has as many addresses as it likes',
      'HS15',
      'groupsOf(address).slice(0, 4)',
      'groupsOf(address)',
    ],
    [
      'an IPv4-mapped address is another one',
      'HS17',
      "if (groups.slice(0, 6).join(':') === mapped)",
      'if (text === mapped)',
    ],
  ]),
  ...inFile('server/checkOptions.ts', [['a link names the client', 'HS17', '|forwarded|x-forwarded-.*|', '|']]),
  ...inFile('server/admission/urlHeaders.ts', [
    [
      'a header from a URL replaces a real one',
      'HS14 HS1',
      'request.headers[name] ??= value',
      'request.headers[name] = value',
    ],
  ]),
  ...inFile('server/admission/admission.ts', [
    [
      'a socket stands in line as often as it likes',
      'HS15',
      'if (this.#pending.has(socket)) return',
      'if (socket.destroyed) return',
    ],
    ['a socket that has closed keeps its slot', 'HS15', 'if (socket.destroyed) return undefined;', ''],
  ]),
  ...inFile('server/admission/admissionQueue.ts', [
    [
      'everybody finds a place',
      'HS15',
      'return this.#taken < this.limits.admission && (taken',
      'return this.limits.admission > 0 && (taken',
    ],
    ['one address takes every slot', 'HS15', '(taken < bound || !this.#isScarce)', '(taken < bound || true)'],
    [
      'an address has few slots even if nobody else wants them',
      'HS15',
      '(taken < bound || !this.#isScarce)',
      'taken < bound',
    ],
    [
      'an address is served until its line is empty',
      'HS15',
      'this.#ready.delete(line);\n      this.#crowded',
      'this.#crowded',
    ],
    [
      'an address that waits goes beyond its bound',
      'HS15',
      'line.taken < line.bound ? [this.#ready, this.#crowded] : [this.#crowded, this.#ready]',
      '[this.#ready, this.#crowded]',
    ],
    [
      'a full queue has no room for a new address',
      'HS15',
      'if (!longest || longest.waiting.length < waiting.length + 2) return false;',
      'if (!longest || waiting.length >= 0) return false;',
    ],
    ['the address of everybody is remembered', 'HS15', 'this.#lines.delete(address);', ';'],
  ]),
  ...inFile('server/admission/requestHead.ts', [
    ['an upgrade by HTTP/1.0 is taken', 'HS18', "if (httpVersion === '1.0')", "if (httpVersion === '')"],
    ['an upgrade without Host is taken', 'HS18', 'headers.host === undefined', "headers.host === ''"],
    ['another version is answered with 400', 'HS18', 'UpgradeRefused(426,', 'UpgradeRefused(400,'],
  ]),
  ...inFile('server/prometheus.ts', [['times are exported in milliseconds', 'IN8', 'ms / 1_000;', 'ms;']]),
  ...inFile('server/machineContract.ts', [
    ['a chart may lack a tag', 'SV18', '[...usual.tags].filter((tag) => !own.tags.has(tag))', '[]'],
    ['a chart may lack an event', 'SV18', 'usual.events.filter((event) => !own.events.some(takes(event)))', '[]'],
    [
      'a chart may lack an action',
      'SV18',
      '[...usual.names.action].filter((action) => !own.names.action.has(action))',
      '[]',
    ],
    [
      'a chart may name an action without an implementation',
      'SV18',
      'named.filter((one) => !given(machine, kind, one) && !isOurs(contract, kind, one))',
      '[]',
    ],
    ['a chart that is stepped may wait', 'SV18', 'contract.isStepped && isTimed', 'false'],
    ['what a state begins with is not looked at', 'SV18', "(type === 'compound' && initial?.actions) || []", '[]'],
  ]),
  ...inFile('server/checkOptions.ts', [
    ['sameUser compares nobody', 'SS15', 'given.sameUser && !given.authenticate', 'given.sameUser === null'],
  ]),
];
