import type { AnyStateMachine } from 'xstate';
import { describeMachine, outlineOf } from './chart.js';
import { toDot } from './dot.js';
import { Graphviz } from './graphviz.js';
import { toMermaid } from './mermaid.js';
import { dress } from './svg.js';

const graphviz = new Graphviz();

export interface DrawOptions {
  /** No descriptions and no actions: states, and what leads from one to another. */
  readonly isOutline?: boolean;
}

/** Draws a machine as SVG, for a page to give it colours: each state's group has its id as `data-state`. */
export const draw = async (machine: AnyStateMachine, { isOutline = false }: DrawOptions = {}): Promise<string> => {
  const whole = describeMachine(machine);
  const chart = isOutline ? outlineOf(whole) : whole;
  return dress(await graphviz.layOut(toDot(chart)), chart);
};

/** Draws a machine as text that Mermaid, and so GitHub, shows as a picture. */
export const drawMermaid = (machine: AnyStateMachine): string => toMermaid(describeMachine(machine));
