import { connectionScenarios, handshakeScenarios } from './connectionScenarios.js';
import { guardScenarios, leaveScenarios, vetoScenarios } from './leaveScenarios.js';
import { clientAsks, serverCalls } from './membershipScenarios.js';
import type { Scenario } from './scenario.js';
import { supervisorScenarios } from './supervisorScenarios.js';

/** All scenarios that need one server. */
export const scenarios: readonly Scenario[] = [
  ...supervisorScenarios,
  ...handshakeScenarios,
  ...connectionScenarios,
  ...clientAsks('NS1', 'namespace'),
  ...serverCalls('NS4', 'namespace'),
  ...guardScenarios,
  ...clientAsks('RM1', 'room'),
  ...serverCalls('RM3', 'room'),
  ...vetoScenarios,
  ...leaveScenarios,
];
