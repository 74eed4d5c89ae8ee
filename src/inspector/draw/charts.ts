import type { Machines } from '../../actors/context.js';
import { type ChartState, describeMachine } from './chart.js';
import { draw } from './draw.js';

/** One chart: its states, and drawings of it, where there is something to draw with. */
export interface DrawnChart {
  readonly root: ChartState;
  readonly outline: string | null;
  readonly whole: string | null;
}

/** The charts that a server runs, drawn once, when they are asked for. */
export class Charts {
  #all: Promise<Readonly<Record<keyof Machines, DrawnChart>>> | undefined;

  constructor(private readonly machines: Machines) {}

  all(): Promise<Readonly<Record<keyof Machines, DrawnChart>>> {
    this.#all ??= this.#draw();
    return this.#all;
  }

  /** One after the other, so that none of it holds anybody up for long. */
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

/** Without a tool to draw with the page shows the states as a list. */
const drawn = async (machine: Machines[keyof Machines]): Promise<DrawnChart> => ({
  root: describeMachine(machine),
  outline: await draw(machine, { isOutline: true }).catch(() => null),
  whole: await draw(machine).catch(() => null),
});
