import type { Machines } from '../../actors/context.js';
import { type ChartState, describeMachine } from './chart.js';
import { type DrawOptions, draw } from './draw.js';

/** A chart and its drawings as SVG, which are null without `@viz-js/viz` (IN16). */
export interface DrawnChart {
  /** The outermost state. */
  readonly root: ChartState;
  /** The drawing without descriptions and actions. */
  readonly outline: string | null;
  /** The drawing with everything. */
  readonly whole: string | null;
  /** Why a drawing is missing; null if none is. */
  readonly missing: string | null;
}

/** Resolves with the drawing of a chart as SVG. */
export type Draw = (machine: Machines[keyof Machines], options?: DrawOptions) => Promise<string>;

/** The charts of a server, drawn on the first request. */
export class Charts {
  #all: Promise<Readonly<Record<keyof Machines, DrawnChart>>> | undefined;

  constructor(
    private readonly machines: Machines,
    private readonly drawChart: Draw = draw,
  ) {}

  /** Resolves with all charts, by name. */
  all(): Promise<Readonly<Record<keyof Machines, DrawnChart>>> {
    this.#all ??= this.#draw();
    return this.#all;
  }

  /** Draws one chart after the other, so that describing them does not block the event loop for long. */
  async #draw(): Promise<Readonly<Record<keyof Machines, DrawnChart>>> {
    const { supervisor, connection, namespace, room, link } = this.machines;
    return {
      supervisor: await this.#drawn(supervisor),
      connection: await this.#drawn(connection),
      namespace: await this.#drawn(namespace),
      room: await this.#drawn(room),
      link: await this.#drawn(link),
    };
  }

  /** Describes and draws a chart. The page lists the states of a chart without drawings. */
  async #drawn(machine: Machines[keyof Machines]): Promise<DrawnChart> {
    let missing: string | null = null;
    const failed = (error: unknown): null => {
      missing = error instanceof Error ? error.message : String(error);
      return null;
    };
    const outline = await this.drawChart(machine, { isOutline: true }).catch(failed);
    const whole = await this.drawChart(machine).catch(failed);
    return { root: describeMachine(machine), outline, whole, missing };
  }
}
