import { type Arrow, arrowsOf, type End, labelText, reactionsOf } from './arrows.js';
import type { ChartState } from './chart.js';

/** Escapes a text. A character with a meaning in Mermaid becomes its code. */
const escaped = (text: string): string =>
  text
    .trim()
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[^\p{L}\p{N} .,()[\]/·_-]|--/gu, (characters) =>
      Array.from(characters, (one) => `#${one.codePointAt(0)};`).join(''),
    );

/** Returns whether Mermaid accepts a key as a name. */
const isPlain = (key: string): boolean => /^[A-Za-z][A-Za-z0-9]*$/.test(key);

/** Maximum length of a description, in characters. A longer one would be wider than the chart. */
const longestDescription = 44;

/** Returns the lines of text in a state: its description, actions and actors. */
const linesOf = (state: ChartState): string[] => {
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

/** Writes one chart as Mermaid text. */
class MermaidWriter {
  readonly #names = new Map<string, string>();
  readonly #parents = new Map<string, string>();
  /** Ids of parallel states. */
  readonly #parallel = new Set<string>();
  readonly #arrows: readonly Arrow[];

  constructor(private readonly root: ChartState) {
    this.#name(root, isPlain(root.key) && root.type === 'compound' ? root.key : 's');
    this.#arrows = arrowsOf(root);
  }

  /** Returns the text. */
  write(): string {
    // Only a compound state can be the diagram itself; any other type is a state in it.
    const isState = this.root.type !== 'compound';
    const content = isState ? this.#state(this.root, '  ') : this.#inside(this.root, '  ');
    return ['stateDiagram-v2', ...this.#drawn(this.root, '  '), ...content].join('\n');
  }

  /** Names a state and those inside it. A key that Mermaid does not accept becomes a number. */
  #name(state: ChartState, name: string): void {
    this.#names.set(state.id, name);
    if (state.type === 'parallel') this.#parallel.add(state.id);
    state.states.forEach((part, at) => {
      const own = isPlain(part.key) ? part.key : `${at}`;
      this.#parents.set(part.id, state.id);
      this.#name(part, `${name}_${own}`);
    });
  }

  #nameOf({ state, at }: End): string {
    const name = this.#names.get(state) ?? '';
    // No state has such a name: single underscores join the parts of theirs.
    return at === 'state' ? name : `${name}__${at === 'start' ? 'anew' : at}`;
  }

  /** Returns the id of the compound state around an end of an arrow. */
  #frameOf({ state, at }: End): string | undefined {
    return at === 'state' ? this.#parents.get(state) : state;
  }

  /**
   * Returns the id of the state in which to write an arrow. Mermaid places a state where it is mentioned last. An
   * arrow between compound states or regions is therefore written before all of them. Any other is written in the
   * state around both of its ends.
   */
  #placeOf({ from, to }: Arrow): string {
    const frame = this.#frameOf(from);
    const isWithin = frame !== undefined && frame === this.#frameOf(to) && !this.#parallel.has(frame);
    return isWithin ? frame : this.root.id;
  }

  #drawn(frame: ChartState, indent: string): string[] {
    const arrows = this.#arrows.filter((arrow) => this.#placeOf(arrow) === frame.id);
    return arrows.map((arrow) => `${indent}${this.#arrow(arrow)}`);
  }

  #inside(frame: ChartState, indent: string): string[] {
    const lines = frame === this.root ? [] : this.#drawn(frame, indent);
    const own = [...lines, ...this.#marks(frame).map((mark) => `${indent}${mark}`)];
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

  /** Returns the marks "anywhere" and "anew" in a compound state, with its transitions that stay inside it. */
  #marks(frame: ChartState): string[] {
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
    const own = linesOf(state);
    if (state.states.length > 0) {
      const title = escaped([shown, ...own].join(' · '));
      return [`${indent}state "${title}" as ${name} {`, ...this.#inside(state, `${indent}  `), `${indent}}`];
    }
    const reactions = reactionsOf(state).map((label) => escaped(labelText(label)));
    const end = state.type === 'final' ? [`${indent}${name} --> [*]`] : [];
    const lines = [...own.map(escaped), ...reactions].map((line) => `${indent}${name} : ${line}`);
    return [`${indent}state "${escaped(shown)}" as ${name}`, ...lines, ...end];
  }
}

/**
 * Returns a chart as Mermaid text. Transitions with the same ends share an arrow. An arrow from "anywhere" begins at
 * every state inside the state around it; an arrow to "anew" enters that state again.
 */
export const toMermaid = (root: ChartState): string => new MermaidWriter(root).write();
