import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const clusterFaults = [
  ...inFile('actors/cluster/relay.ts', [
    [
      'the channel of a closed id stays subscribed',
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
      'what waits is not sent at the end',
      'EX16',
      'this.#publications.isFlowing ? this.#publications.whenEmpty() : undefined',
      'undefined',
    ],
  ]),
  ...inFile('actors/cluster/outgoing.ts', [
    ['an excluded id is kept from the others', 'EX6', "exceptId: exceptId ?? ''", "exceptId: ''"],
    ['bytes are sent as text', 'EX6', 'node, isBinary, isNative', 'node, isBinary: false, isNative'],
    [
      'an answer goes where its token says',
      'EX8 EX14',
      "isMarked ? exchange.channelOf('answers', token) : token",
      'token',
    ],
    [
      'an ask is published before its answers are subscribed',
      'EX7',
      'bytesOf(encode(message, markToken(token))), false)',
      'bytesOf(encode(message, markToken(token))), true)',
    ],
    ['the channels of an ask stay', 'EX7', 'for (const channel of channels) subscriptions.release(channel);', ''],
    [
      'nothing is too large',
      'EX14',
      'if (payload.length <= exchangePayload) return',
      'if (exchangePayload > 0) return',
    ],
  ]),
  ...inFile('actors/cluster/incoming.ts', [
    ['our own echo is served again', 'EX4', 'tag?.node === relay.node || ', ''],
    ['our own native echo is served again', 'EX4', 'if (relay.echoes?.take(channel, payload)) return undefined;', ''],
    ['nothing is missing', 'EX9', "relay.losses.note('missing', missing);", ''],
    ['a jump is not told', 'EX18', "if (isRenumbered) relay.losses.note('renumbered');", ''],
    ['lifecycle events come from the broker', 'EX14', ' && !isSystemEvent(frame.event)', ''],
    [
      'any namespace on any channel',
      'EX14',
      "target.kind === 'connection' || target.name === namespace",
      "target.kind === 'connection' || target.name !== ''",
    ],
    ['our own ask is asked again', 'EX7', ' || (foreign && context.asks.isOurs(foreign.token))', ''],
    [
      'a huge payload is taken',
      'EX14',
      "if (payload.length > context.limits.exchangePayload) return relay.losses.note('broken');",
      '',
    ],
    ['a flood is taken', 'EX14', "if (isFlooded()) return relay.losses.note('flooded');", ''],
  ]),
  ...inFile('actors/cluster/follower.ts', [
    ['a forged number far away mutes what is real', 'EX9 EX14', 'number - last <= maxGap)', 'last > 0)'],
    [
      'a gap after a forged number is a loss',
      'EX9 EX14',
      'return this.messages > 1 || this.first < this.#began;',
      'return true;',
    ],
    [
      'a server is muted for as long as numbers are forged',
      'EX9 EX14',
      'if (at - run.since < maxMuted) return late;',
      'if (run) return late;',
    ],
    ['nothing is late', 'EX9', 'if (at - run.since < maxMuted) return late;', ''],
    [
      'what comes again is taken for the real sequence',
      'EX9',
      'const isNew = behind.every((one) => one.lacks(number));',
      'const isNew = true;',
    ],
    [
      'the first number of a server makes none late that was sent before',
      'EX9',
      'const first = known.length > 0 ? number : number - maxGap;',
      'const first = number;',
    ],
    [
      'a forged number makes lower ones late that were never sent',
      'EX9 EX14',
      'const first = known.length > 0 ? number : number - maxGap;',
      'const first = number - maxGap;',
    ],
    [
      'the oldest sequence makes way for forged ones',
      'EX9 EX14',
      'if (one.messages !== other.messages) return one.messages < other.messages ? one : other;',
      '',
    ],
    ['a number is late for ever', 'EX9 EX14', ' && at - one.at < lateWindow', ''],
  ]),
  ...inFile('actors/cluster/sequence.ts', [
    ['forged servers fill the memory', 'EX9 EX14', 'if (this.#size > maxFollowed) {', 'if (this.#size < 0) {'],
  ]),
  ...inFile('actors/cluster/sendWindow.ts', [
    ['the window never shrinks', 'EX19', 'if (passed > drainTime) this.#resize(', 'if (passed < 0) this.#resize('],
    ['the window never grows', 'EX19', 'this.#resize(this.#bytes * 2);', ''],
    ['the window grows for a small message', 'EX19', ' && underWay >= this.#bytes / 2', ''],
    [
      'the window grows with what takes long',
      'EX19',
      'this.#resize(Math.min(this.#bytes, perDrain));',
      'this.#resize(perDrain);',
    ],
    ['the window doubles with each message', 'EX19', 'changes === this.#changes && ', ''],
    ['the window has no maximum', 'EX19', 'Math.min(maxBytes, Math.floor(bytes))', 'Math.floor(bytes)'],
    ['the window has no minimum', 'EX19', 'Math.max(minBytes, ', 'Math.max(1, '],
  ]),
  ...inFile('actors/cluster/confirmation.ts', [
    [
      'a busy broker is lost for a channel',
      'EX15',
      'if (shown.isActive && !shown.isAnswered) judgeAfter(ms);',
      'if (ms < 0) judgeAfter(ms);',
    ],
    [
      'a broker that answers and does not confirm is waited for',
      'EX15',
      'if (shown.isActive && !shown.isAnswered) judgeAfter(ms);',
      'if (shown.isActive) judgeAfter(ms);',
    ],
  ]),
  ...inFile('actors/cluster/publications.ts', [
    ['the window keeps its size', 'EX19', 'window.confirmed(sent);', ''],
    [
      'a new uplink keeps the window of the last one',
      'EX19',
      'window: new SendWindow(this.now), messages',
      'window: (this.window ??= new SendWindow(this.now)), messages',
    ],
    ['what was in doubt is not counted', 'EX12', "if (flight) this.losses.note('unconfirmed', flight.messages);", ''],
    [
      'there is always room',
      'EX11',
      'if (this.waiting.bytes + payload.length > this.limits.exchangeQueueBytes)',
      'if (payload.length < 0)',
    ],
    ['nothing waits too long', 'EX11', 'if (oldest.since > before && !oldest.isCancelled) break;', 'break;'],
    [
      'an ask that is not ready is overtaken',
      'EX5 EX7',
      'if (!publication || !(publication.isReady || publication.isCancelled)) break;',
      'if (!publication) break;',
    ],
    [
      'a cancelled publication is sent',
      'EX7 EX11',
      'if (!publication.isCancelled) this.#send(publication, flight);',
      'this.#send(publication, flight);',
    ],
    ['what is refused is in doubt', 'EX14 EX12', 'pinged().then(', 'Promise.reject().then('],
  ]),
  ...inFile('actors/cluster/subscriptions.ts', [
    [
      'a connection is accepted before its channel is confirmed',
      'EX3',
      'if (this.#isUp && !subscription.isSettled) subscription.waiting.push(settled);\n    else settled();',
      'settled();',
    ],
    [
      'a connection waits for a broker that is lost',
      'EX3',
      'this.#isUp = false;\n    for (const subscription of this.#held.values()) {\n      subscription.isSettled = false;\n      for (const settled of subscription.waiting.splice(0)) settled();',
      'this.#isUp = false;\n    for (const subscription of this.#held.values()) {\n      subscription.isSettled = false;',
    ],
    [
      'a channel that is refused takes the link with it',
      'EX3 EX18',
      'if (this.host.isRequired(subscription.target)) throw error;',
      'throw error;',
    ],
    [
      'a namespace that is refused is done without',
      'EX1',
      'if (this.host.isRequired(subscription.target)) throw error;',
      '',
    ],
    ['a channel that is refused is subscribed', 'EX4', 'return isSettled && !isRefused;', 'return isSettled;'],
    ['the first that goes takes the channel with him', 'EX3', '--subscription.count > 0', '--subscription.count > 99'],
  ]),
  ...inFile('actors/cluster/link.ts', [
    [
      'a broker that is silent is trusted',
      'EX15',
      '#schedulePing(uplink: ExchangeUplink): void {',
      '#schedulePing(uplink: ExchangeUplink): void {\n    if (uplink) return;',
    ],
    [
      'a broker is lost that sends something else than an answer',
      'EX15',
      'uplink.active ? [active(), pinged()] : [pinged()]',
      '[pinged()]',
    ],
    ['the uplink of a lost broker stays', 'EX15 EX10', 'uplink?.close();', ''],
    ['a lost uplink is given more', 'EX11 EX12', 'this.parts.publications.suspend();\n    try {', 'try {'],
    [
      'a drain waits for the settling time of the link',
      'EX16',
      'if (this.#uplink && this.#isSubscribed) this',
      'if (this.#isOver && this.#uplink) this',
    ],
    ['an answer that is there but not read is none', 'EX15', 'clock.setImmediate(checkAnswer)', 'checkAnswer()'],
  ]),
  ...inFile('actors/cluster/cluster.ts', [
    ['a second exchange takes the place of the first', 'EX1', 'if (this.#relay) throw', 'if (!this.ids) throw'],
    ['a broker that was not there is kept', 'EX1', 'this.#setRelay(undefined);\n      throw error;', 'throw error;'],
    [
      'ids that are registered already are not subscribed',
      'EX3',
      'for (const id of this.ids()) relay.hold(id, () => {});',
      '',
    ],
  ]),
  ...inFile('exchange/activity.ts', [['what came before the call counts', 'EX15', 'this.#next = undefined;', '']]),
  ...inFile('exchange/batch.ts', [
    ['NATS confirms a burst at once', 'EX15 EX19', 'return this.bytes >= batchBytes;', 'return false;'],
  ]),
  ...inFile('exchange/redis.ts', [
    [
      'messages of Redis show nothing of its connection',
      'EX15',
      'this.#fromSubscriber.note();\n    if (this.#ended',
      'if (this.#ended',
    ],
  ]),
  ...inFile('exchange/nats.ts', [
    ['messages of NATS show nothing of its connection', 'EX15', 'this.#activity.note();\n    try {', 'try {'],
  ]),
  ...inFile('actors/cluster/losses.ts', [
    ['losses are not reported', 'EX18', 'this.report(new ExchangeLoss(', 'void (new ExchangeLoss('],
  ]),
];
