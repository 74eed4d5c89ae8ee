import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const clientFaults = [
  ...inFile('client/chart.ts', [
    ['clients wait without jitter', 'CL22', 'return draw() * (tries', 'return (tries'],
    ['the slot of the server is ignored', 'CL22', 'if (slot >= 0) return slot;', ''],
    ['waits never become short again', 'CL22', "settleDelay: [{ actions: ['forgetTries'] }]", 'settleDelay: []'],
    [
      'a page dials at once as often as it likes',
      'CL22',
      "guard: 'mayWake', actions: ['useWake'] }],\n      ONLINE: [{ target: 'dialing', guard",
      "actions: ['useWake'] }],\n      ONLINE: [{ target: 'dialing', guard",
    ],
    [
      'a refusal is final whatever follows',
      'CL21',
      "event.type === 'LOST' && !isFinalClose(event.code, event.text) && event.code !== 1005",
      'event.code === 0 && event.code !== 1005',
    ],
  ]),
  ...inFile('client/line/closes.ts', [
    ['a final close is tried again', 'CL21', 'code === 1000 || (code === 1008 &&', '(code === 1008 &&'],
    ['a deadline that a busy client has missed is final', 'CL21', ' && !late.test(text)', ''],
  ]),
  ...inFile('client/machine.ts', [['the machine has no rows for every state', 'CL1', '    on: everywhere,', '']]),
  ...inFile('client/connector.ts', [
    ['a line that has ended goes on to ping', 'CL6 CL20', 'this.#heartbeat.stop();', ''],
    ['the page is listened to after the end', 'CL20', 'this.#unlisten();', ''],
  ]),
  ...inFile('client/line/heartbeat.ts', [
    ['a silent server is never given up', 'CL6', 'return this.onSilent();', 'return;'],
  ]),
  ...inFile('client/line/asks.ts', [['the timer of an answered ask stays', 'CL10 CL20', 'pending.cancel();', '']]),
  ...inFile('client/line/turns.ts', [['handlers overlap', 'CL14', 'await job();', 'void job();']]),
  ...inFile('client/runtime.ts', [
    [
      'namespaces are entered again in reverse order',
      'CL8',
      'Promise.all([...this.#namespaces.values()].map(',
      'Promise.all([...this.#namespaces.values()].reverse().map(',
    ],
    ['an ask survives its line', 'CL10', 'this.asks.failAll(ErrWrite, (token) => !this.outbox.hasAsk(token));', ''],
  ]),
  ...inFile('client/membership.ts', [
    ['rooms are not entered again', 'CL8', '(this.isIn ? this.enterRooms() : undefined)', 'undefined'],
    [
      'an entry after a leave waits for a turn of its own',
      'CL14',
      'await this.#begin((job) => job(), false)',
      'void this.enter()',
    ],
    ['an entry without an answer is not taken back', 'CL12', 'if (isUnanswered || veto) this.retract();', ''],
    [
      'a join of the server is answered after what waits',
      'CL13',
      '    answer();\n    this.#settleEntry();',
      '    this.#settleEntry();\n    answer();',
    ],
    [
      'what came before the end of a line is dropped',
      'CL3 CL14',
      'return line === this.host.line ? !this.isOut : line === this.#lostLine;',
      'return line === this.host.line && !this.isOut;',
    ],
    ['the events of a lost line are not forced', 'CL9', '{ isLocal: true, isForced: true }', '{ isLocal: true }'],
  ]),
  ...inFile('client/outbox.ts', [
    [
      'the bounds of the outbox are ignored',
      'CL11',
      'if (this.#frames.length < this.maxFrames && bytes <= this.maxBytes)',
      'if (bytes > 0)',
    ],
    ['a refused frame is not counted', 'CL11 CL20', 'this.counters.refused++;', ''],
    ['what is in doubt is not told', 'CL12', 'this.#inDoubt += emitted - proven;', ''],
    ['a pong proves nothing', 'CL12', 'line.proven = Math.max(line.proven, this.#pings.shift() ?? 0);', ''],
    ['a withdrawn ask is sent', 'CL10', 'this.#frames = this.#frames.filter((frame) => frame.token !== token);', ''],
  ]),
  ...inFile('client/dispatcher.ts', [['strays are not counted', 'CL16 CL20', 'counters.strays++;', '']]),
];
