import type { AnyStateMachine } from 'xstate';
import { arrowsOf } from './arrows.js';
import { allStates, type ChartState, describeMachine, outlineOf } from './chart.js';
import { arrowName, stateName, toDot } from './dot.js';
import { Graphviz } from './graphviz.js';
import { toMermaid } from './mermaid.js';
import { toSvg } from './svg.js';

const graphviz = new Graphviz();

/**
 * Returns whether a layout has every state and arrow. Graphviz leaves an arrow out where it finds no way for a curve, loses
 * states whose regions it cannot align, or fails.
 */
const isWhole = (drawn: string, chart: ChartState): boolean =>
  allStates(chart).every((_, at) => drawn.includes(`id="${stateName(at)}"`)) &&
  arrowsOf(chart).every(({ from }, at) => from.at === 'anywhere' || drawn.includes(`id="${arrowName(at)}"`));

/** Resolves with the first layout of a chart that has everything, or else with what the last one has. */
const layOut = async (chart: ChartState): Promise<string> => {
  for (const style of ['curved', 'straight'] as const) {
    const drawn = await graphviz.layOut(toDot(chart, style)).catch(() => '');
    if (isWhole(drawn, chart)) return drawn;
  }
  return graphviz.layOut(toDot(chart, 'loose'));
};

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
  return toSvg(await layOut(chart), chart);
};

/**
 * Returns a machine as Mermaid text, which GitHub renders as a diagram (IN16).
 *
 * @example
 * const text = drawMermaid(connectionMachine);
 */
export const drawMermaid = (machine: AnyStateMachine): string => toMermaid(describeMachine(machine));
