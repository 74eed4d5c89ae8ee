import type { AnyStateMachine } from 'xstate';
import { describeMachine } from './chart.js';
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

/** Draws a machine as SVG, for a page to give it colours: each state's group has its id as `data-state`. */
export const draw = async (machine: AnyStateMachine): Promise<string> => {
  const viz = await loadGraphviz();
  const chart = describeMachine(machine);
  return dress(viz.renderString(toDot(chart), { format: 'svg', engine: 'dot' }), chart);
};

/** Draws a machine as text that Mermaid, and so GitHub, shows as a picture. */
export const drawMermaid = (machine: AnyStateMachine): string => toMermaid(describeMachine(machine));
