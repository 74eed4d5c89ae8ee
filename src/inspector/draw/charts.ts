import type { Machines } from '../../actors/context.js';
import { type ChartState, describeMachine } from './chart.js';
import { draw } from './draw.js';

/** A chart and its drawings as SVG, which are null without `@viz-js/viz`. */
export interface DrawnChart {
  /** The outermost state. */
  readonly root: ChartState;
  /** The drawing without descriptions and actions. */
  readonly outline: string | null;
  /** The drawing with everything. */
  readonly whole: string | null;
}

/** The charts of a server, drawn on the first request. */
export class Charts {
  #all: Promise<Readonly<Record<keyof Machines, DrawnChart>>> | undefined;

  constructor(private readonly machines: Machines) {}

  /** Resolves with all charts, by name. */
  all(): Promise<Readonly<Record<keyof Machines, DrawnChart>>> {
    this.#all ??= this.#draw();
    return this.#all;
  }

  /** Draws one chart after the other, so that describing them does not block the event loop for long. */
  async #draw(): Promise<Readonly<Record<keyof Machines, DrawnChart>>> {
    const { supervisor, connection, namespace, room, link } = this.machines;
    return {
      supervisor: await drawn(supervisor),
      connection: await drawn(connection),
      namespace: await drawn(namespace),
      room: await drawn(room),
      link: await drawn(link),
    };
  }
}

/** Describes and draws a chart. The page lists the states of a chart without drawings. */
const drawn = async (machine: Machines[keyof Machines]): Promise<DrawnChart> => ({
  root: describeMachine(machine),
  outline: await draw(machine, { isOutline: true }).catch(() => null),
  whole: await draw(machine).catch(() => null),
});
