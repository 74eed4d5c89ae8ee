import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const inspectorFaults = [
  ...inFile('inspector/stateCounts.ts', [
    [
      'a connection that left a state still counts in it',
      'IN12',
      'if (!after._nodes.includes(node)) this.#change(node.id, -1);',
      'if (!after._nodes.includes(node)) this.#change(node.id, 1);',
    ],
    [
      'a connection that has ended still counts',
      'IN12',
      "if (after.status !== 'active') for (const { id } of after._nodes) this.#change(id, -1);",
      '',
    ],
    ['connections present at the start count as entered', 'IN12', 'tally.entered = 0;', 'void tally.entered;'],
  ]),
  ...inFile('inspector/inspector.ts', [
    [
      'any truthy result of authorize gives access',
      'IN10',
      '(await this.authorize(request)) === true',
      'Boolean(await this.authorize(request))',
    ],
    ['other sites can read the page', 'IN11', 'isSameOrigin(request, purpose) && ', ''],
    [
      'the number of pages is unlimited',
      'IN13',
      "if (this.#feed.isFull) return send(response, 503, 'The inspector has too many viewers\\n');",
      '',
    ],
  ]),
  ...inFile('inspector/sameOrigin.ts', [
    [
      'a command needs no header of the browser',
      'IN11',
      "origin === undefined ? purpose === 'data'",
      'origin === undefined ? true',
    ],
    [
      'a form can send a command',
      'IN11',
      "if (purpose === 'command' && !isJson(headers['content-type'])) return false;",
      '',
    ],
  ]),
  ...inFile('inspector/feed.ts', [
    [
      'an open page is never authorized again',
      'IN10',
      'if (now - this.#authorizedAt < authorizeEvery) return;',
      'return;',
    ],
    ['the server is observed without an open page', 'IN13', 'this.#unsubscribe?.();', ''],
    ['a connection that no page follows is observed', 'IN13', 'followed.end();', ''],
    [
      'an authorize that does not settle gives access',
      'IN10',
      'for (const one of [...this.#undecided]) this.#end(one);',
      '',
    ],
    ['a page that closes ends the following of another', 'IN14', 'followed && --followed.followers === 0', 'followed'],
  ]),
  ...inFile('inspector/actorNames.ts', [
    ['a page mistakes one connection for another', 'IN14', "process === this.process ? actorId : ''", 'actorId'],
    [
      'a command accepts an id without a process',
      'IN14',
      "reference.includes('~') ? this.actorOf(reference) : ''",
      'this.actorOf(reference)',
    ],
  ]),
  ...inFile('inspector/stately/definition.ts', [
    [
      'a definition has the first of several targets only',
      'IN6',
      'others.length > 0 ? [first, ...others] : first',
      'first',
    ],
    ['a definition has no guards', 'IN6', '...(guard === undefined ? {} : { guard }),', ''],
    ['a definition lacks reenter', 'IN6', '...(isReentered ? { reenter: true } : {}),', ''],
  ]),
  ...inFile('inspector/viewer.ts', [
    [
      'a page that does not read stays open',
      'IN13',
      'if (now - this.#unreadSince < unreadTimeout) return true;',
      'return true;',
    ],
  ]),
  ...inFile('inspector/followed.ts', [
    ['a followed connection counts the deliveries of all', 'IN14', 'wantsPassed: isFollowed,', ''],
    [
      'a frame before open counts twice',
      'IN14',
      "if (before.hasTag('open')) this.#count(event);",
      'this.#count(event);',
    ],
  ]),
  ...inFile('inspector/messageHistory.ts', [
    ['equal messages are listed again and again', 'IN14', 'if (last && isEqual(last, message))', 'if (!last)'],
    ['a long name is shown whole', 'IN14', 'name.length > maxName', 'name.length < 0'],
    ['a name keeps the body of its message', 'IN14', 'string => compact(name', 'string => (name'],
    ['all messages are kept', 'IN14', 'if (this.#messages.length > maxMessages)', 'if (this.#messages.length < 0)'],
    ['an answer is listed as an ask', 'IN14', "(direction === 'in') ? 'ask'", "(direction !== 'in') ? 'ask'"],
  ]),
  ...inFile('protocol/reading.ts', [
    [
      'a part of a native message is shown as a name',
      'IN14',
      "const isFlagged = nativeMode === 'none' ||",
      "const isFlagged = nativeMode !== 'only' ||",
    ],
  ]),
  ...inFile('inspector/draw/charts.ts', [
    [
      'the page does not learn why a drawing is missing',
      'IN19',
      'missing = error instanceof Error ? error.message : String(error);',
      '',
    ],
  ]),
  ...inFile('inspector/search.ts', [
    [
      'the oldest matches are listed',
      'IN14',
      'newest[total++ % maxConnections] = conn;',
      'if (total++ < maxConnections) newest.push(conn);',
    ],
    ['a connection that is not accepted is not found', 'IN14', 'server.watching.conns()', 'server.connections()'],
  ]),
  ...inFile('inspector/stately/messages.ts', [
    [
      'contexts leave the server',
      'IN6',
      'snapshot: plainSnapshot(inspected.snapshot),',
      'snapshot: inspected.snapshot as never,',
    ],
    ['messages of clients leave the server', 'IN6', '    type,\n    // A text', '    ...event,\n    // A text'],
    [
      'a text without a code leaves the server',
      'IN6',
      '{ code, ...(isText(text) ? { text } : {}) } : {}',
      '{ code, text: String(text) } : { text: String(text) }',
    ],
  ]),
  ...inFile('inspector/draw/lettering.ts', [
    ['text of a chart becomes markup', 'IN16', ".replaceAll('<', '&lt;')", ''],
    ['guards are not drawn', 'IN16', "add('guard', guard &&", "add('guard', '' &&"],
  ]),
  ...inFile('inspector/draw/dot.ts', [
    ['regions are aligned at the price of states', 'IN16', "this.style === 'loose' ? [] : ", ''],
  ]),
  ...inFile('inspector/draw/svg.ts', [
    ['a group has the id of another state', 'IN16 IN17', '[stateName(at),', '[stateName(at + 1),'],
  ]),
  ...inFile('inspector/draw/chart.ts', [
    ['an outline has no arrows', 'IN16', 'targets.length > 0).map', 'targets.length < 0).map'],
    [
      'only the first of several transitions is described',
      'IN15',
      'candidates.map((transition, at) => {',
      'candidates.slice(0, 1).map((transition, at) => {',
    ],
  ]),
  ...inFile('inspector/draw/mermaid.ts', [
    [
      'the Mermaid text lacks internal transitions',
      'IN16',
      'reactionsOf(state).map((label) => escaped(labelText(label)))',
      '[] as string[]',
    ],
  ]),
];
