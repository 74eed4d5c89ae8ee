// @ts-check
import { connectionMachine, namespaceMachine } from 'musterjs';

/** Only connections with the role `staff` may enter the namespace `staff`. For others no handler runs. */
export const namespace = namespaceMachine.provide({
  guards: {
    mayConnect: ({ event }) => event.namespace !== 'staff' || event.conn.get('role') === 'staff',
  },
});

/** A client has 300 ms to send `M`, and not the default of 5 s. */
export const connection = connectionMachine.provide({ delays: { ackTimeout: 300 } });
