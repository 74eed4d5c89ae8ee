import { type Arrow, arrowsOf, type End } from './arrows.js';
import type { ChartState } from './chart.js';
import { arrowLabel, stateLabel } from './lettering.js';

/** Returns the name of the state at an index of `allStates`. The drawing contains no names that a program chooses. */
export const stateName = (at: number): string => `s${at}`;
/** Returns the name of the arrow at an index of `arrowsOf`. */
export const arrowName = (at: number): string => `a${at}`;

/**
 * How a chart is laid out, the best first. Arrows go around states, or straight on where a curve cannot be found; regions
 * lie side by side, or loose where Graphviz loses states otherwise.
 */
type LayoutStyle = 'curved' | 'straight' | 'loose';

/** A state with its index in `allStates` and the state around it. */
interface Placed {
  readonly state: ChartState;
  readonly place: number;
  readonly name: string;
  readonly isFrame: boolean;
  readonly parent: Placed | undefined;
}

/** Writes one chart for Graphviz. */
class Layout {
  readonly #placed = new Map<string, Placed>();
  /** Arrows by the innermost compound state around both ends, so that their labels lie inside it too. */
  readonly #arrows = new Map<Placed | undefined, string[]>();
  /** Ids of the compound states that need a mark where they begin. */
  readonly #starts = new Set<string>();

  constructor(
    private readonly root: ChartState,
    private readonly style: LayoutStyle,
  ) {
    this.#place(root, undefined);
    const arrows = arrowsOf(root);
    for (const { from, to } of arrows)
      for (const { state, at } of [from, to]) if (at === 'start') this.#starts.add(state);
    arrows.forEach((arrow, at) => {
      if (arrow.from.at === 'anywhere') return;
      const frame = this.#around(arrow);
      const drawn = this.#arrows.get(frame) ?? [];
      this.#arrows.set(frame, drawn);
      // In reverse order, which makes narrower drawings.
      drawn.unshift(this.#drawArrow(arrow, at));
    });
  }

  /** Returns the chart in DOT. */
  draw(): string {
    return [
      'digraph {',
      'graph [compound=true nodesep=0.25 ranksep=0.4 pad=0.1]',
      ...(this.style === 'loose' ? [] : ['graph [newrank=true]']),
      ...(this.style === 'straight' ? ['graph [splines=line]'] : []),
      'graph [fontname="Verdana" fontsize=11 labeljust=l labelloc=t]',
      'node [shape=box style=rounded fontname="Verdana" fontsize=11 margin="0.1,0.05" penwidth=1.2]',
      'edge [fontname="Verdana" fontsize=11 arrowsize=0.7 penwidth=1.1]',
      ...this.#drawState(this.#of(this.root.id)),
      ...(this.#arrows.get(undefined) ?? []),
      '}',
    ].join('\n');
  }

  #place(state: ChartState, parent: Placed | undefined): void {
    const place = this.#placed.size;
    const placed = { state, place, name: stateName(place), isFrame: state.states.length > 0, parent };
    this.#placed.set(state.id, placed);
    for (const part of state.states) this.#place(part, placed);
  }

  #of(id: string): Placed {
    const placed = this.#placed.get(id);
    if (!placed) throw new RangeError(`The chart has no state ${id}`);
    return placed;
  }

  /** Returns the compound states around an end of an arrow, the innermost first. */
  #framesAround({ state, at }: End): Placed[] {
    const placed = this.#of(state);
    const frames: Placed[] = at === 'state' ? [] : [placed];
    for (let { parent } = placed; parent; { parent } = parent) frames.push(parent);
    return frames;
  }

  #around({ from, to }: Arrow): Placed | undefined {
    const around = new Set(this.#framesAround(to));
    return this.#framesAround(from).find((frame) => around.has(frame));
  }

  #drawState(placed: Placed): string[] {
    const { state, name, parent } = placed;
    const own = `class="state ${state.type}" id=${name}`;
    if (state.type === 'history') {
      return [`${name} [shape=circle ${own} label="${state.history === 'deep' ? 'H*' : 'H'}" width=0.3 margin=0]`];
    }
    const label = `label=${stateLabel(state)}`;
    if (!placed.isFrame) return [`${name} [${own} ${label}${state.type === 'final' ? ' peripheries=2' : ''}]`];
    const isRegion = parent?.state.type === 'parallel';
    const start = `${name}start [shape=circle class=start label="" width=0.13 height=0.13 style=filled]`;
    const content = [
      `graph [${own} ${label}${isRegion ? ' style="rounded,dashed"' : ' style=rounded'}]`,
      ...(this.#starts.has(state.id) ? [start] : []),
      ...state.states.flatMap(({ id }) => this.#drawState(this.#of(id))),
      ...this.#alignment(state),
      ...(this.#arrows.get(placed) ?? []),
    ];
    // The outermost state is the drawing itself, which needs no cluster.
    return parent ? [`subgraph cluster_${name} {`, 'graph [margin=10]', ...content, '}'] : content;
  }

  /** Returns the constraint that places the regions of a parallel state side by side. */
  #alignment({ type, states }: ChartState): string[] {
    if (type !== 'parallel') return [];
    const tops = states.map(({ id }) => this.#highest({ state: id, at: 'state' }));
    return [`{ rank=same ${tops.join(' ')} }`];
  }

  /** Returns an arrow. A later state lies lower, so an arrow back up is laid out against its direction. */
  #drawArrow({ from, to, labels }: Arrow, at: number): string {
    const isBack = to.at === 'start' || this.#of(to.state).place < this.#of(from.state).place;
    const [upper, lower] = isBack ? [to, from] : [from, to];
    const label = labels.length > 0 ? ` label=${arrowLabel(labels)}` : '';
    const ends = `${this.#clip('ltail', upper)}${this.#clip('lhead', lower)}${isBack ? ' dir=back constraint=false' : ''}`;
    return `${this.#lowest(upper)} -> ${this.#highest(lower)} [id=${arrowName(at)} class=arrow${label}${ends}]`;
  }

  /** Returns the attribute that clips an arrow at the border of a compound state. It ends at a state inside that. */
  #clip(side: 'ltail' | 'lhead', { state, at }: End): string {
    const { isFrame, name } = this.#of(state);
    return at === 'state' && isFrame ? ` ${side}=cluster_${name}` : '';
  }

  #highest({ state: id, at }: End): string {
    const { state, name } = this.#of(id);
    const [first] = state.states;
    if (at !== 'state' || (first && this.#starts.has(id))) return `${name}start`;
    return first ? this.#highest({ state: first.id, at }) : name;
  }

  #lowest({ state: id, at }: End): string {
    const { state, name } = this.#of(id);
    const last = state.states.at(-1);
    if (at !== 'state') return `${name}start`;
    return last ? this.#lowest({ state: last.id, at }) : name;
  }
}

/** Returns a chart in DOT. The state at index n of `allStates` is named `s<n>`, the arrow at index n `a<n>`. */
export const toDot = (root: ChartState, style: LayoutStyle = 'curved'): string => new Layout(root, style).draw();
