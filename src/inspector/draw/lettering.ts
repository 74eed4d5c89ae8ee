import { arrowsOf, type Label, reactionsOf } from './arrows.js';
import { allStates, type ChartState } from './chart.js';

/**
 * A colour for each kind of text. Graphviz knows no classes, so the colour marks the kind until `toSvg` replaces it.
 */
export const kindColours = {
  name: '#010101',
  event: '#020202',
  guard: '#030303',
  action: '#040404',
  note: '#050505',
  tag: '#060606',
} as const;
type TextKind = keyof typeof kindColours;

const escaped = (text: string): string =>
  text
    .replaceAll(/[^\S\u00a0]+/g, ' ')
    // Graphviz stops at NUL, and XML allows none of the others.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern matches them on purpose
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');

const sizes: Readonly<Record<TextKind, number>> = { name: 13, event: 11, guard: 11, action: 11, note: 10, tag: 10 };

const write = (kind: TextKind, text: string): string => {
  if (text === '') return '';
  const isBold = kind === 'name' || kind === 'event';
  return `<font color="${kindColours[kind]}" point-size="${sizes[kind]}">${isBold ? `<b>${escaped(text)}</b>` : escaped(text)}</font>`;
};

/** Wraps a text at a width in characters. A longer word has a line of its own. */
const wrap = (text: string, width: number): string[] => {
  const lines: string[] = [];
  for (const word of text.split(/[^\S\u00a0]+/)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
};

const labelWidth = 30;

/** Returns the rows of a label: trigger, guard, actions and target, on one row if they fit. */
const labelRows = ({ trigger, guard, actions }: Label, target = ''): string[] => {
  const rows: string[] = [];
  let width = 0;
  const add = (kind: TextKind, text: string): void => {
    const lines = text === '' ? [] : wrap(text, labelWidth);
    const fits = lines.length === 1 && width > 0 && width + text.length < labelWidth;
    for (const line of lines) {
      if (fits) rows.push(`${rows.pop() ?? ''}${write(kind, ` ${line}`)}`);
      else rows.push(write(kind, line));
      width = fits ? width + line.length + 1 : line.length;
    }
  };
  add('event', trigger);
  add('guard', guard && `[${guard}]`);
  add('action', actions.length > 0 ? `/ ${actions.join(', ')}` : '');
  add('event', target && `→ ${target}`);
  return rows;
};

const table = (rows: readonly string[], padding: number): string => {
  const cells = rows.map((row) => `<tr><td align="left" balign="left">${row}</td></tr>`);
  return `<<table border="0" cellborder="0" cellspacing="0" cellpadding="${padding}">${cells.join('')}</table>>`;
};

/** Returns the label of an arrow, as an HTML-like label of Graphviz. */
export const arrowLabel = (labels: readonly Label[]): string =>
  table(
    labels.flatMap((label) => labelRows(label)),
    0,
  );

const noteWidth = 34;

/**
 * Returns the labels of transitions from a compound state to a state inside it, by target. They are text in the state,
 * because an arrow would have to begin at every state inside.
 */
const withinOf = (state: ChartState): [string, Label[]][] =>
  arrowsOf(state)
    .filter(({ from }) => from.state === state.id && from.at === 'anywhere')
    .map(({ to, labels }) => [allStates(state).find(({ id }) => id === to.state)?.key ?? to.state, [...labels]]);

/** Returns the label of a state: name, description, tags, actions, actors, and the transitions that stay inside it. */
export const stateLabel = (state: ChartState): string => {
  const does = (when: string, names: readonly string[]): string[] =>
    names.length === 0 ? [] : labelRows({ trigger: when, guard: '', actions: names });
  const rows = [
    write('name', state.key),
    ...(state.description === undefined ? [] : wrap(state.description, noteWidth).map((line) => write('note', line))),
    ...(state.tags.length === 0 ? [] : wrap(state.tags.join(' · '), noteWidth).map((line) => write('tag', line))),
    ...does('entry', state.entry),
    ...does('exit', state.exit),
    ...does('runs', state.invokes),
    ...reactionsOf(state).flatMap((label) => labelRows(label)),
    ...withinOf(state).flatMap(([target, labels]) => labels.flatMap((label) => labelRows(label, target))),
  ];
  return table(rows, 1);
};
