// @ts-check
import { connectionConfig, connectionSetup } from 'musterjs';

const { open } = connectionConfig.states;

/**
 * The built-in chart with one more region in `open`: a client that sends no frame for a while is `away` until its next
 * frame. The region handles FRAME, so each frame is an event of the chart. The action `receive` passes it on.
 */
export const connection = connectionSetup.extend({ delays: { idle: 300_000 } }).createMachine({
  ...connectionConfig,
  states: {
    ...connectionConfig.states,
    open: {
      ...open,
      states: {
        ...open.states,
        presence: {
          description: 'Whether the client is active.',
          initial: 'here',
          states: {
            here: {
              description: 'The client sent a frame recently.',
              on: { FRAME: { target: 'here', reenter: true, actions: 'receive' } },
              after: { idle: { target: 'away' } },
            },
            away: {
              description: 'The client sent no frame for a while.',
              on: { FRAME: { target: 'here', actions: 'receive' } },
            },
          },
        },
      },
    },
  },
});
