import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const inspectorFaults = [
  ...inFile('inspector/stateCounts.ts', [
    [
      'who has left a state is in it',
      'IN12',
      'if (!after._nodes.includes(node)) this.#change(node.id, -1);',
      'if (!after._nodes.includes(node)) this.#change(node.id, 1);',
    ],
    [
      'who has ended is still counted',
      'IN12',
      "if (after.status !== 'active') for (const { id } of after._nodes) this.#change(id, -1);",
      '',
    ],
    ['who was there already has come now', 'IN12', 'tally.came = 0;', 'void tally.came;'],
  ]),
  ...inFile('inspector/inspector.ts', [
    [
      'whatever authorize says but false lets in',
      'IN10',
      '(await this.authorize(request)) === true',
      'Boolean(await this.authorize(request))',
    ],
    ['other sites may read it', 'IN11', 'isSameOrigin(request, purpose) && ', ''],
    [
      'nobody is too many',
      'IN13',
      "if (this.#feed.isFull) return send(response, 503, 'Too many are looking already\\n');",
      '',
    ],
  ]),
  ...inFile('inspector/sameOrigin.ts', [
    ['a deed needs nobody’s word', 'IN11', "origin === undefined ? purpose === 'data'", 'origin === undefined ? true'],
    ['a form may do a deed', 'IN11', "if (purpose === 'deed' && !isJson(headers['content-type'])) return false;", ''],
  ]),
  ...inFile('inspector/feed.ts', [
    ['nobody is asked for again', 'IN10', 'if (now - this.#askedAt < askEvery) return;', 'return;'],
    ['the server is watched for nobody', 'IN13', 'this.#stopWatching?.();', ''],
    ['whom nobody follows any more is watched', 'IN13', 'subject.end();', ''],
    ['who cannot decide lets in', 'IN10', 'for (const one of [...this.#asking]) this.#sendAway(one);', ''],
    ['one that leaves takes it from another', 'IN14', 'subject && --subject.followers === 0', 'subject'],
  ]),
  ...inFile('inspector/actorNames.ts', [
    ['a page takes one for another', 'IN14', "process === this.process ? actorId : ''", 'actorId'],
    [
      'a deed may be for whoever is called so',
      'IN14',
      "reference.includes('~') ? this.actorOf(reference) : ''",
      'this.actorOf(reference)',
    ],
  ]),
  ...inFile('inspector/stately/definition.ts', [
    ['a definition has one target of several', 'IN6', 'others.length > 0 ? [first, ...others] : first', 'first'],
    ['a definition has no guards', 'IN6', '...(guard === undefined ? {} : { guard }),', ''],
    ['a definition does not say what is entered anew', 'IN6', '...(isReentered ? { reenter: true } : {}),', ''],
  ]),
  ...inFile('inspector/viewer.ts', [
    ['who does not read is kept', 'IN13', 'if (now - this.#fullSince < patience) return true;', 'return true;'],
  ]),
  ...inFile('inspector/followed.ts', [
    ['whoever is followed counts what all are given', 'IN14', 'wantsPassed: isIt,', ''],
    [
      'what waited until it was let in counts twice',
      'IN14',
      "if (before.hasTag('open')) this.#count(event);",
      'this.#count(event);',
    ],
  ]),
  ...inFile('inspector/search.ts', [
    [
      'the oldest are shown',
      'IN14',
      'newest[total++ % mostConnections] = conn;',
      'if (total++ < mostConnections) newest.push(conn);',
    ],
    ['whoever has not been let in is not found', 'IN14', 'server.watching.conns()', 'server.connections()'],
  ]),
  ...inFile('inspector/stately/messages.ts', [
    [
      'contexts leave the server',
      'IN6',
      'snapshot: plainSnapshot(inspected.snapshot),',
      'snapshot: inspected.snapshot as never,',
    ],
    ['what clients say leaves the server', 'IN6', '    type,\n    // Without', '    ...event,\n    // Without'],
    [
      'a text without a code leaves the server',
      'IN6',
      '{ code, ...(isText(text) ? { text } : {}) } : {}',
      '{ code, text: String(text) } : { text: String(text) }',
    ],
  ]),
  ...inFile('inspector/draw/lettering.ts', [
    ['what stands in a chart is markup', 'IN16', ".replaceAll('<', '&lt;')", ''],
    ['guards are not written', 'IN16', "add('guard', guard &&", "add('guard', '' &&"],
  ]),
  ...inFile('inspector/draw/svg.ts', [
    ['a state does not say which it is', 'IN16 IN17', '[stateName(at),', '[stateName(at + 1),'],
  ]),
  ...inFile('inspector/draw/chart.ts', [
    ['an outline has no arrows', 'IN16', 'targets.length > 0).map', 'targets.length < 0).map'],
    [
      'of several only the first is described',
      'IN15',
      'candidates.map((transition, at) => {',
      'candidates.slice(0, 1).map((transition, at) => {',
    ],
  ]),
  ...inFile('inspector/draw/mermaid.ts', [
    [
      'a text has no reactions',
      'IN16',
      'reactionsOf(state).map((label) => escaped(labelText(label)))',
      '[] as string[]',
    ],
  ]),
];
