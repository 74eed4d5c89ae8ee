import { CloseError, dial, reply } from '../../../dist/client/client.js';

/**
 * What a client can do, step by step. It has no part of Node and none of a page in it.
 *
 * @param {string} url of the server
 * @param {{ readonly WebSocket?: import('../../../dist/client/client.js').WebSocketClass }} brought what the runtime lacks
 * @param {(line: string) => void} print
 */
export const play = async (url, brought, print) => {
  /** @param {string} step @param {unknown} seen */
  const tell = (step, seen) => print(`${step}: ${seen}`);

  /** @type {string[]} */
  const heard = [];
  /** @type {(value: unknown) => void} */
  let onBack = () => {};
  const back = new Promise((resolve) => {
    onBack = resolve;
  });

  const client = dial(`${url}?id=joe`, {
    ...brought,
    namespaces: { default: { confirm: (_, { body }) => reply(`yes to ${body}`) } },
    onReconnect: ({ recovered, inDoubt }) => onBack(`${recovered} ${inDoubt}`),
  });
  await client.ready;
  tell('online', client.id);
  const ns = await client.connect('default');
  const room = await ns.joinRoom('r1', { on: { say: ({ body }) => void heard.push(String(body)) } });
  tell(
    'joined',
    ns.rooms().map(({ name }) => name),
  );
  room.emit('say', 'hello');
  tell('ask', (await ns.ask('ping')).body);
  tell('emit', heard);
  const answers = await Promise.all(Array.from({ length: 200 }, (_, nth) => ns.ask('echo', `${nth}`)));
  tell(
    '200 asks',
    answers.every(({ body }, nth) => body === `${nth}`),
  );
  const { body } = await ns.ask('echo', Uint8Array.of(1, 255, 59, 2));
  tell('binary', body instanceof Uint8Array && [...body]);
  tell('server ask', (await ns.ask('start')).body);
  tell('server join', `${(await ns.ask('pull')).body} ${ns.rooms().map(({ name }) => name)}`);

  tell('kill me', client.state);
  tell('back', await back);
  tell('same objects', client.namespace('default') === ns && ns.room('r1') === room && room.isJoined);
  room.emit('say', 'again');
  tell('ask', (await ns.ask('ping')).body);
  tell('emit', heard);

  const refused = dial(`${url}?id=refused`, brought);
  const refusal = await refused.ready.catch((/** @type {unknown} */ error) => error);
  tell('refused', refusal instanceof CloseError && `${refused.state} ${refused.reason?.code} ${refused.reason?.text}`);

  const kicked = dial(`${url}?id=kicked`, brought);
  const end = new Promise((resolve) => {
    kicked.subscribe((state) => {
      if (state === 'closed') resolve(`${kicked.reason?.code} ${kicked.reason?.text}`);
    });
  });
  (await kicked.connect('default')).emit('kick');
  tell('kicked', await end);

  await client.close();
  tell('closed', `${client.state} ${client.reason?.code}`);
};
