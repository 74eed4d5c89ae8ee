import {
  type ConnectionContext,
  type ConnectionInput,
  connectionMachine,
  connectionSetup as plainConnection,
} from '../machines/connection.js';
import { type LinkContext, linkMachine, linkSetup as plainLink } from '../machines/link.js';
import { namespaceMachine, namespaceSetup as plainNamespace } from '../machines/namespace.js';
import { roomSetup as plainRoom, roomMachine } from '../machines/room.js';
import {
  supervisorSetup as plainSupervisor,
  type SupervisorContext,
  supervisorMachine,
} from '../machines/supervisor.js';
import { type ChartParts, partsOf } from './chartParts.js';
import { type Extensible, extensible } from './chartSetup.js';

/** The context of a chart that has none of its own. */
type NoContext = Readonly<Record<never, never>>;
/** The context of a new connection. */
type FirstContext = (from: { readonly input: ConnectionInput }) => ConnectionContext;

/** Setup of the supervisor chart: types, actions and guards, for a chart of your own. */
export const supervisorSetup: Extensible<typeof plainSupervisor> = extensible(plainSupervisor);
/** Parts of the supervisor chart, for a chart that adds some. */
export const supervisorConfig: ChartParts<typeof supervisorMachine, SupervisorContext> = partsOf(supervisorMachine);

/** Setup of the connection chart: types, actions, guards and delays, for a chart of your own. */
export const connectionSetup: Extensible<typeof plainConnection> = extensible(plainConnection);
/** Parts of the connection chart, for a chart that adds some. */
export const connectionConfig: ChartParts<typeof connectionMachine, FirstContext, 'acknowledging' | 'open'> =
  partsOf(connectionMachine);

/** Setup of the namespace chart: types, actions and guards, for a chart of your own. */
export const namespaceSetup: Extensible<typeof plainNamespace> = extensible(plainNamespace);
/** Parts of the namespace chart, for a chart that adds some. */
export const namespaceConfig: ChartParts<typeof namespaceMachine, NoContext> = partsOf(namespaceMachine);

/** Setup of the room chart: types and actions, for a chart of your own. */
export const roomSetup: Extensible<typeof plainRoom> = extensible(plainRoom);
/** Parts of the room chart, for a chart that adds some. */
export const roomConfig: ChartParts<typeof roomMachine, NoContext> = partsOf(roomMachine);

/** Setup of the link chart: types, actions and delays, for a chart of your own. */
export const linkSetup: Extensible<typeof plainLink> = extensible(plainLink);
/** Parts of the link chart, for a chart that adds some. */
export const linkConfig: ChartParts<typeof linkMachine, LinkContext> = partsOf(linkMachine);
