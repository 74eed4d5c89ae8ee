// @ts-check
import { connectionConfig, connectionSetup } from 'musterjs';

const { open } = connectionConfig.states;

/**
 * The usual chart with one more region in `open`: who has not sent anything for a while is away, and is back with the next
 * frame. As the region handles FRAME itself, frames come to the chart, which has to hand each of them on: `receive`.
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
          description: 'Is anybody there?',
          initial: 'here',
          states: {
            here: {
              description: 'It has sent something not long ago.',
              on: { FRAME: { target: 'here', reenter: true, actions: 'receive' } },
              after: { idle: { target: 'away' } },
            },
            away: {
              description: 'It has been silent for a while.',
              on: { FRAME: { target: 'here', actions: 'receive' } },
            },
          },
        },
      },
    },
  },
});
