import { type Arrow, arrowsOf, type End, labelText, reactionsOf } from './arrows.js';
import type { ChartState } from './chart.js';

/** A sign that means something to Mermaid is written as its number. */
const escaped = (text: string): string =>
  text
    .trim()
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[^\p{L}\p{N} .,()[\]/·_-]|--/gu, (signs) =>
      Array.from(signs, (sign) => `#${sign.codePointAt(0)};`).join(''),
    );

/** Mermaid can have this for a name. */
const isPlain = (key: string): boolean => /^[A-Za-z][A-Za-z0-9]*$/.test(key);

/** A description that is longer would be wider than the chart. */
const longestDescription = 44;

/** Words that stand in a state: what it means, and what it does without being left. */
const wordsOf = (state: ChartState): string[] => {
  const { description = '', entry, exit, invokes } = state;
  const does = (when: string, names: readonly string[]): string[] =>
    names.length === 0 ? [] : [`${when} / ${names.join(', ')}`];
  return [
    ...(description !== '' && description.length <= longestDescription ? [description] : []),
    ...does('entry', entry),
    ...does('exit', exit),
    ...does('runs', invokes),
  ];
};

/** A chart that is being written for Mermaid. */
class Writer {
  readonly #names = new Map<string, string>();
  readonly #parents = new Map<string, string>();
  /** The ids of frames with regions. */
  readonly #divided = new Set<string>();
  readonly #arrows: readonly Arrow[];

  constructor(private readonly root: ChartState) {
    this.#name(root, isPlain(root.key) && root.type === 'compound' ? root.key : 's');
    this.#arrows = arrowsOf(root);
  }

  write(): string {
    // Regions stand in a frame always, and a chart that has none is a state.
    const isState = this.root.type !== 'compound';
    const content = isState ? this.#state(this.root, '  ') : this.#inside(this.root, '  ');
    return ['stateDiagram-v2', ...this.#drawn(this.root, '  '), ...content].join('\n');
  }

  /** Mermaid keeps to a few letters in names; a state with others in its key gets a number. */
  #name(state: ChartState, name: string): void {
    this.#names.set(state.id, name);
    if (state.type === 'parallel') this.#divided.add(state.id);
    state.states.forEach((part, at) => {
      const own = isPlain(part.key) ? part.key : `${at}`;
      this.#parents.set(part.id, state.id);
      this.#name(part, `${name}_${own}`);
    });
  }

  #nameOf({ state, at }: End): string {
    const name = this.#names.get(state) ?? '';
    // No state is called like a sign, as names of states have single lines between their parts.
    return at === 'state' ? name : `${name}__${at === 'start' ? 'anew' : at}`;
  }

  /** The frame that an end of an arrow stands in. */
  #frameOf({ state, at }: End): string | undefined {
    return at === 'state' ? this.#parents.get(state) : state;
  }

  /**
   * Mermaid puts a state where it is mentioned last. So an arrow between frames, or between regions, stands before all of
   * them, and any other in the frame of both its ends.
   */
  #placeOf({ from, to }: Arrow): string {
    const frame = this.#frameOf(from);
    const isWithin = frame !== undefined && frame === this.#frameOf(to) && !this.#divided.has(frame);
    return isWithin ? frame : this.root.id;
  }

  #drawn(frame: ChartState, indent: string): string[] {
    const arrows = this.#arrows.filter((arrow) => this.#placeOf(arrow) === frame.id);
    return arrows.map((arrow) => `${indent}${this.#arrow(arrow)}`);
  }

  #inside(frame: ChartState, indent: string): string[] {
    const lines = frame === this.root ? [] : this.#drawn(frame, indent);
    const own = [...lines, ...this.#signs(frame).map((sign) => `${indent}${sign}`)];
    const parts = frame.states.map((part) => this.#state(part, indent));
    if (frame.type !== 'parallel') return [...own, ...parts.flat()];
    const regions = own.length > 0 ? [...parts, own] : parts;
    return regions.flatMap((region, at) => (at === 0 ? region : [`${indent}--`, ...region]));
  }

  #arrow(arrow: Arrow): string {
    const { from, to, labels } = arrow;
    const source = from.at === 'start' ? '[*]' : this.#nameOf(from);
    const text = labels.map((label) => escaped(labelText(label))).join('<br/>');
    return `${source} --> ${this.#nameOf(to)}${text && ` : ${text}`}`;
  }

  /** Signs for "wherever in it" and "anew", and what a frame does without being left. */
  #signs(frame: ChartState): string[] {
    const ends = this.#arrows.flatMap(({ from, to }) => [from, to]).filter(({ state }) => state === frame.id);
    const reactions = frame.states.length > 0 ? reactionsOf(frame) : [];
    const anywhere = this.#nameOf({ state: frame.id, at: 'anywhere' });
    const anew = this.#nameOf({ state: frame.id, at: 'start' });
    const isAnew = this.#arrows.some(({ to }) => to.state === frame.id && to.at === 'start');
    const isAnywhere = reactions.length > 0 || ends.some(({ at }) => at === 'anywhere');
    return [
      ...(isAnywhere ? [`state "anywhere" as ${anywhere}`] : []),
      ...(isAnew ? [`state "anew" as ${anew}`] : []),
      ...reactions.map((label) => `${anywhere} : ${escaped(labelText(label))}`),
    ];
  }

  #state(state: ChartState, indent: string): string[] {
    const name = this.#nameOf({ state: state.id, at: 'state' });
    const shown = state.type === 'history' ? `${state.key} (${state.history ?? ''} history)` : state.key;
    const words = wordsOf(state);
    if (state.states.length > 0) {
      const title = escaped([shown, ...words].join(' · '));
      return [`${indent}state "${title}" as ${name} {`, ...this.#inside(state, `${indent}  `), `${indent}}`];
    }
    const reactions = reactionsOf(state).map((label) => escaped(labelText(label)));
    const end = state.type === 'final' ? [`${indent}${name} --> [*]`] : [];
    const lines = [...words.map(escaped), ...reactions].map((line) => `${indent}${name} : ${line}`);
    return [`${indent}state "${escaped(shown)}" as ${name}`, ...lines, ...end];
  }
}

/**
 * A chart as text that Mermaid, and so GitHub, draws. All transitions that lead from one state to another share an arrow;
 * an arrow from "anywhere" is one from every state in its frame, and one to "anew" begins the frame again.
 */
export const toMermaid = (root: ChartState): string => new Writer(root).write();
