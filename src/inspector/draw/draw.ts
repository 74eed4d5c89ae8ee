import type { AnyStateMachine } from 'xstate';
import { arrowsOf } from './arrows.js';
import { type ChartState, describeMachine, outlineOf } from './chart.js';
import { arrowName, toDot } from './dot.js';
import { Graphviz } from './graphviz.js';
import { toMermaid } from './mermaid.js';
import { toSvg } from './svg.js';

const graphviz = new Graphviz();

/** Returns whether a layout has every arrow. Graphviz leaves one out, or fails, where it finds no way for a curve. */
const isWhole = (drawn: string, chart: ChartState): boolean =>
  arrowsOf(chart).every(({ from }, at) => from.at === 'anywhere' || drawn.includes(`id="${arrowName(at)}"`));

/** Resolves with the layout of a chart: with curved arrows, or with straight ones if those cannot all be drawn. */
const layOut = async (chart: ChartState): Promise<string> => {
  const curved = await graphviz.layOut(toDot(chart)).catch(() => '');
  return isWhole(curved, chart) && curved !== '' ? curved : graphviz.layOut(toDot(chart, 'straight'));
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
