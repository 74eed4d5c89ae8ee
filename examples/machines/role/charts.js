// @ts-check
import { connectionMachine, namespaceMachine } from 'musterjs';

/** Into `staff` gets only who has that role; no handler is asked about anybody else. */
export const namespace = namespaceMachine.provide({
  guards: {
    mayConnect: ({ event }) => event.namespace !== 'staff' || event.conn.get('role') === 'staff',
  },
});

/** Who does not say `M` has less time than usual. */
export const connection = connectionMachine.provide({ delays: { ackTimeout: 300 } });
