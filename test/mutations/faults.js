import { apiFaults } from './faults/api.js';
import { broadcastFaults } from './faults/broadcast.js';
import { chartsFaults } from './faults/charts.js';
import { clientFaults } from './faults/client.js';
import { clusterFaults } from './faults/cluster.js';
import { connectionFaults } from './faults/connection.js';
import { contractFaults } from './faults/contract.js';
import { inspectorFaults } from './faults/inspector.js';
import { machinesFaults } from './faults/machines.js';
import { middlewareFaults } from './faults/middleware.js';
import { protocolFaults } from './faults/protocol.js';
import { reactFaults } from './faults/react.js';
import { runtimeFaults } from './faults/runtime.js';
import { serverFaults } from './faults/server.js';
import { sessionsFaults } from './faults/sessions.js';
import { supervisorFaults } from './faults/supervisor.js';
import { telemetryFaults } from './faults/telemetry.js';
import { transportFaults } from './faults/transport.js';

/**
 * Every one-line fault, by the folder of the source that it breaks.
 *
 * @type {readonly import('./inFile.js').Fault[]}
 */
export const faults = [
  ...apiFaults,
  ...broadcastFaults,
  ...chartsFaults,
  ...clientFaults,
  ...clusterFaults,
  ...connectionFaults,
  ...contractFaults,
  ...inspectorFaults,
  ...machinesFaults,
  ...middlewareFaults,
  ...protocolFaults,
  ...reactFaults,
  ...runtimeFaults,
  ...serverFaults,
  ...sessionsFaults,
  ...supervisorFaults,
  ...telemetryFaults,
  ...transportFaults,
];
