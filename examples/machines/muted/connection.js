// @ts-check
import { connectionConfig, connectionSetup, decodeFrame } from 'musterjs';

const { open } = connectionConfig.states;

/**
 * The built-in chart with one more region in `open`. After the event MUTE a client is `muted` for 30 s: its `say` is
 * refused, and everything else passes. While a client is not muted, its frames bypass the chart, as usual.
 */
export const connection = connectionSetup
  .extend({
    types: { events: /** @type {{ type: 'MUTE' }} */ ({ type: 'MUTE' }), tags: /** @type {'muted'} */ ('muted') },
    guards: { isSay: ({ event }) => event.type === 'FRAME' && decodeFrame(event.data)?.event === 'say' },
    delays: { muteTime: 30_000 },
  })
  .createMachine({
    ...connectionConfig,
    states: {
      ...connectionConfig.states,
      open: {
        ...open,
        states: {
          ...open.states,
          voice: {
            description: 'Whether the client may speak.',
            initial: 'free',
            on: { MUTE: { target: '.muted' } },
            states: {
              free: { description: 'The client may speak.' },
              muted: {
                description: 'A moderator has muted the client.',
                tags: 'muted',
                on: {
                  FRAME: [
                    { guard: 'isSay', actions: { type: 'refuse', params: { text: 'you are muted' } } },
                    { actions: 'receive' },
                  ],
                },
                after: { muteTime: { target: 'free' } },
              },
            },
          },
        },
      },
    },
  });
