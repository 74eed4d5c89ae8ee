import type { AnyStateMachine } from 'xstate';
import { describeMachine, outlineOf } from './chart.js';
import { toDot } from './dot.js';
import { Graphviz } from './graphviz.js';
import { toMermaid } from './mermaid.js';
import { toSvg } from './svg.js';

const graphviz = new Graphviz();

/** Options of `draw`. */
export interface DrawOptions {
  /** Whether to draw states and transitions only, without descriptions, tags and actions. Default false. */
  readonly isOutline?: boolean;
}

/**
 * Draws a machine as SVG (IN16). The group of each state has the state's id as `data-state`; the page sets the colours.
 * A worker thread lays the drawing out. Rejects if `@viz-js/viz` is not installed.
 *
 * @example
 * const svg = await draw(connectionMachine, { isOutline: true });
 */
export const draw = async (machine: AnyStateMachine, { isOutline = false }: DrawOptions = {}): Promise<string> => {
  const whole = describeMachine(machine);
  const chart = isOutline ? outlineOf(whole) : whole;
  return toSvg(await graphviz.layOut(toDot(chart)), chart);
};

/**
 * Returns a machine as Mermaid text, which GitHub renders as a diagram (IN16).
 *
 * @example
 * const text = drawMermaid(connectionMachine);
 */
export const drawMermaid = (machine: AnyStateMachine): string => toMermaid(describeMachine(machine));
