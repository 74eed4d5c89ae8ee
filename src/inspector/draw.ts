import type { AnyStateMachine } from 'xstate';
import { describeMachine, outlineOf } from './chart.js';
import { toDot } from './dot.js';
import { toMermaid } from './mermaid.js';
import { dress } from './svg.js';

type Graphviz = Awaited<ReturnType<typeof import('@viz-js/viz')['instance']>>;

let graphviz: Promise<Graphviz> | undefined;

/** Loaded when the first chart is drawn, and then kept: whoever draws nothing needs no Graphviz. */
const loadGraphviz = (): Promise<Graphviz> => {
  graphviz ??= import('@viz-js/viz').then(
    ({ instance }) => instance(),
    (cause: unknown) => {
      graphviz = undefined;
      throw new Error('Drawing a machine needs the package @viz-js/viz. Install it with: npm install @viz-js/viz', {
        cause,
      });
    },
  );
  return graphviz;
};

export interface DrawOptions {
  /** No descriptions and no actions: states, and what leads from one to another. */
  readonly isOutline?: boolean;
}

/** Draws a machine as SVG, for a page to give it colours: each state's group has its id as `data-state`. */
export const draw = async (machine: AnyStateMachine, { isOutline = false }: DrawOptions = {}): Promise<string> => {
  const viz = await loadGraphviz();
  const whole = describeMachine(machine);
  const chart = isOutline ? outlineOf(whole) : whole;
  return dress(viz.renderString(toDot(chart), { format: 'svg', engine: 'dot' }), chart);
};

/** Draws a machine as text that Mermaid, and so GitHub, shows as a picture. */
export const drawMermaid = (machine: AnyStateMachine): string => toMermaid(describeMachine(machine));
