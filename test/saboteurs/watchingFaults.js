import { inFile } from './inFile.js';

/** Faults in what watches, measures, draws and checks: those who look are shown what is. */
export const watchingFaults = [
  ...inFile('actors/inspection.ts', [
    [
      'a late observer is not told who lives',
      'IN1',
      'for (const actor of [...this.living()]) this',
      'for (const actor of [...this.living()].slice(9)) this',
    ],
    ['whoever is wanted later is not introduced', 'IN1', '      introduce(actorRef);\n      tell(', '      tell('],
    [
      'what a late one does about those who live is missed',
      'IN1',
      'this.#listeners.add(listener);',
      'queueMicrotask(() => this.#listeners.add(listener));',
    ],
    [
      'a filter that throws reaches whoever speaks',
      'IN3',
      '        return wants(actor);\n      } catch (error) {',
      '        return wants(actor);\n      } catch (error) {\n        throw error;',
    ],
    ['whoever watches is shown everybody', 'IN4', 'if (!isWanted(actorRef)) return;', ''],
    ['what an observer throws reaches an actor', 'IN3', 'guarded(tell, this.report);', 'tell();'],
    [
      'one that has enough hears what is under way',
      'IN3',
      'if (!isOver) this.#guarded(() => hear(event));',
      'this.#guarded(() => hear(event));',
    ],
    ['observers run inside of mailboxes', 'IN2', 'this.doors.afterwards(() => this.#tellNews());', 'this.#tellNews();'],
    [
      'observers are told in the middle',
      'IN2 BC3',
      'this.doors.afterwards(() => this.#tellNews());',
      'this.doors.outside(() => this.#tellNews());',
    ],
    ['observers hold the event loop', 'IN3', 'news && at < newsAtOnce;', 'news && at < 1_000_000;'],
    ['frames of others are shown', 'IN4', 'if (passed && wantsPassed?.(actor) !== false) this', 'if (passed) this'],
    [
      'deliveries of others are shown',
      'IN4',
      'if (!passed || wantsPassed?.(actor) === false) continue;',
      'if (!passed) continue;',
    ],
    ['frames are not shown', 'IN1', 'if (!this.seesPassed) return;', 'if (this.seesPassed) return;'],
  ]),
  ...inFile('actors/watching.ts', [['a delivery to a chart is shown twice', 'IN4', ' && !to.view.ownsDeliveries', '']]),
  ...inFile('actors/wiring.ts', [
    ['what a connection’s chart takes no more is lost', 'SV11', 'if (isLate(event, connection)) return snapshot;', ''],
  ]),
  ...inFile('actors/metrics.ts', [
    ['who is on the way out is counted nowhere', 'IN7', 'meters.stages.closing + closing', 'meters.stages.closing'],
  ]),
  ...inFile('actors/supervisor.ts', [
    [
      'a chart of the root’s does not get its broadcasts',
      'SV11',
      'if (owns(actor.getSnapshot(), message.type)) {',
      'if (isNaN(0)) {',
    ],
    [
      'who counts is told inside of the mailbox',
      'SV11 BC3',
      'count: ({ reply }) => doors.afterwards(() => reply(this.total)),',
      'count: ({ reply }) => reply(this.total),',
    ],
    [
      'what the program got wrong is not told to it',
      'SV11',
      "if (message.type === 'BROADCAST') this.#issues.check(message.messages);",
      '',
    ],
  ]),
  ...inFile('actors/rootLogic.ts', [
    [
      'what the root’s chart takes no more is lost',
      'SV11 BC2',
      'if (isLate(snapshot, event, deeds)) return snapshot;',
      '',
    ],
  ]),
  ...inFile('actors/observers.ts', [
    [
      'what fails later is told to nobody',
      'IN3',
      'if (isThenable(told)) Promise.resolve(told).catch(report);',
      'if (isThenable(told)) Promise.resolve(told).catch(() => {});',
    ],
  ]),
  ...inFile('broadcast/audience.ts', [
    ['deliveries are not shown', 'IN4', 'given.witness?.(this.recipient, bytes, frames);', ''],
    ['what is written is counted as one message', 'IN7', 'given.frames += frames;', 'given.frames += 1;'],
  ]),
  ...inFile('actors/recorder.ts', [
    ['every step is kept', 'IN5', 'if (steps.length > this.limits.last) steps.shift();', ''],
    ['everybody is recorded', 'IN5', ' || this.random() >= this.limits.sample', ''],
    ['what was told changes', 'IN5', 'get(actor)?.steps.slice()', 'get(actor)?.steps'],
    ['of those outside of the sample nothing is kept', 'IN5', 'if (!known && (!this', 'if (!known || (!this'],
    ['to be let in is kept of everybody', 'IN5', ' || isOrdinary(before, after))) return;', ')) return;'],
    ['a step that leads nowhere is kept', 'IN5', 'if (from === to) return;', ''],
    [
      'what an event says is kept whole',
      'IN5',
      "return typeof code === 'number' ?",
      "if (typeof text === 'string') return text;\n  return typeof code === 'number' ?",
    ],
  ]),
  ...inFile('actors/hooks.ts', [
    [
      'a goodbye is told with the way that led to it',
      'IN5',
      'const path = usual.has(code) ? undefined :',
      'const path = ',
    ],
    [
      'a handler counts until it returns',
      'IN7',
      'if (outcome instanceof Promise) void outcome.then(() => this.meters.handlers.note(this.now() - began));',
      'if (outcome instanceof Promise) this.meters.handlers.note(this.now() - began);',
    ],
  ]),
  ...inFile('actors/meters.ts', [
    ['what a client says becomes a reason', 'IN9', "if (author === 'client') return 'goodbye';", ''],
    [
      'what a program says becomes a reason of ours',
      'IN9',
      "author === 'server' || (wasAccepted && cause === 'normal')",
      'true',
    ],
    ['a bound of a histogram is left out', 'IN7', 'ms > (bounds[at] ?? ms)', 'ms >= (bounds[at] ?? ms)'],
    ['a bucket has only its own', 'IN7 IN8', 'count += this.#counts[at] ?? 0;', 'count = this.#counts[at] ?? 0;'],
  ]),
  ...inFile('actors/registry.ts', [
    ['who is on the way out is counted as here', 'IN7', 'this.house.meters.stages[stageOf(last)]--;', ''],
    ['who has come is not counted', 'IN7', 'this.house.meters.admitted++;', ''],
  ]),
  ...inFile('server/upgrade.ts', [
    ['an upgrade that is refused is not counted', 'IN7', 'this.supervisor.counters.refusedUpgrades++;', ''],
    [
      'who meets a closed server is not counted',
      'IN7',
      'if (this.isOver) return this.#turnAway(socket);\n    return this.#whenFree',
      'if (this.isOver) return void socket.destroy();\n    return this.#whenFree',
    ],
    ['a refusal after its time is told again', 'HS8', 'if (!isLate) this.#refuse', 'this.#refuse'],
  ]),
  ...inFile('server/prometheus.ts', [['times are told in milliseconds', 'IN8', 'ms / 1_000;', 'ms;']]),
  ...inFile('actors/contract.ts', [
    ['a chart may lack a tag', 'SV18', '[...usual.tags].filter((tag) => !own.tags.has(tag))', '[]'],
    ['a chart may lack an event', 'SV18', 'usual.events.filter((event) => !own.events.some(takes(event)))', '[]'],
    [
      'a chart may lack an action',
      'SV18',
      '[...usual.names.action].filter((action) => !own.names.action.has(action))',
      '[]',
    ],
    [
      'a chart may name what nobody does',
      'SV18',
      'named.filter((one) => !given(machine, kind, one) && !isOurs(contract, kind, one))',
      '[]',
    ],
    ['a chart that is stepped may wait', 'SV18', 'contract.isStepped && isTimed', 'false'],
  ]),
  ...inFile('actors/contract.ts', [
    ['what a state begins with is not looked at', 'SV18', "(type === 'compound' && initial?.actions) || []", '[]'],
  ]),
  ...inFile('actors/view.ts', [
    ['frames go past a chart that handles them', 'SV11', "isOpen && owns(snapshot, 'FRAME')", 'false'],
    ['deliveries go past a chart that handles them', 'SV11 IN4', "isOpen && owns(snapshot, 'DELIVER')", 'false'],
  ]),
  ...inFile('actors/honouring.ts', [
    ['guards of the program lose', 'SV11 SV19', "...Object.fromEntries(own('guards'))", ''],
    [
      'an action of the program replaces ours',
      'SV11 SV19',
      'if (action === undefined) return [name, theirs];',
      'return [name, theirs];',
    ],
  ]),
  ...inFile('inspector/census.ts', [
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
  ...inFile('inspector/gate.ts', [
    ['a deed needs nobody’s word', 'IN11', "origin === undefined ? purpose === 'data'", 'origin === undefined ? true'],
    ['a form may do a deed', 'IN11', "if (purpose === 'deed' && !isJson(headers['content-type'])) return false;", ''],
  ]),
  ...inFile('inspector/feed.ts', [
    ['nobody is asked for again', 'IN10', 'if (now - this.#askedAt < askEvery) return;', 'return;'],
    ['the server is watched for nobody', 'IN13', 'this.#stopWatching?.();', ''],
    ['whom nobody follows any more is watched', 'IN13', 'subject.end();', ''],
  ]),
  ...inFile('inspector/feed.ts', [
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
  ...inFile('inspector/definition.ts', [
    ['a definition has one target of several', 'IN6', 'others.length > 0 ? [first, ...others] : first', 'first'],
    ['a definition has no guards', 'IN6', '...(guard === undefined ? {} : { guard }),', ''],
    ['a definition does not say what is entered anew', 'IN6', '...(isReentered ? { reenter: true } : {}),', ''],
  ]),
  ...inFile('inspector/viewer.ts', [
    ['who does not read is kept', 'IN13', 'if (now - this.#fullSince < patience) return true;', 'return true;'],
  ]),
  ...inFile('inspector/subject.ts', [
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
  ...inFile('inspector/stately.ts', [
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
  ...inFile('inspector/lettering.ts', [
    ['what stands in a chart is markup', 'IN16', ".replaceAll('<', '&lt;')", ''],
    ['guards are not written', 'IN16', "add('guard', guard &&", "add('guard', '' &&"],
  ]),
  ...inFile('inspector/svg.ts', [
    ['a state does not say which it is', 'IN16 IN17', '[stateName(at),', '[stateName(at + 1),'],
  ]),
  ...inFile('inspector/chart.ts', [
    ['an outline has no arrows', 'IN16', 'targets.length > 0).map', 'targets.length < 0).map'],
    [
      'of several only the first is described',
      'IN15',
      'candidates.map((transition, at) => {',
      'candidates.slice(0, 1).map((transition, at) => {',
    ],
  ]),
  ...inFile('inspector/mermaid.ts', [
    [
      'a text has no reactions',
      'IN16',
      'reactionsOf(state).map((label) => escaped(labelText(label)))',
      '[] as string[]',
    ],
  ]),
];
