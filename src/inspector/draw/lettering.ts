import { arrowsOf, type Label, reactionsOf } from './arrows.js';
import { allStates, type ChartState } from './chart.js';

/** Ink by what is written in it: Graphviz knows colours only, which the drawing turns into classes. */
export const inks = {
  name: '#010101',
  event: '#020202',
  guard: '#030303',
  action: '#040404',
  note: '#050505',
  tag: '#060606',
} as const;
type Ink = keyof typeof inks;

const escaped = (text: string): string =>
  text
    .replaceAll(/[^\S\u00a0]+/g, ' ')
    // Graphviz ends at a zero, and no document has the other ones.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');

const sizes: Readonly<Record<Ink, number>> = { name: 13, event: 11, guard: 11, action: 11, note: 10, tag: 10 };

const write = (ink: Ink, text: string): string => {
  if (text === '') return '';
  const isBold = ink === 'name' || ink === 'event';
  return `<font color="${inks[ink]}" point-size="${sizes[ink]}">${isBold ? `<b>${escaped(text)}</b>` : escaped(text)}</font>`;
};

/** Lines of words, none much longer than that. */
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

/** What fits into one line stands in one: trigger, guard, actions and where it leads. */
const labelRows = ({ trigger, guard, actions }: Label, target = ''): string[] => {
  const rows: string[] = [];
  let width = 0;
  const add = (ink: Ink, text: string): void => {
    const lines = text === '' ? [] : wrap(text, labelWidth);
    const fits = lines.length === 1 && width > 0 && width + text.length < labelWidth;
    for (const line of lines) {
      if (fits) rows.push(`${rows.pop() ?? ''}${write(ink, ` ${line}`)}`);
      else rows.push(write(ink, line));
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

/** What is written beside an arrow. */
export const arrowLabel = (labels: readonly Label[]): string =>
  table(
    labels.flatMap((label) => labelRows(label)),
    0,
  );

const noteWidth = 34;

/** What leads from a frame to a state in it is written in the frame: an arrow would have to begin at every state of it. */
const withinOf = (state: ChartState): [string, Label[]][] =>
  arrowsOf(state)
    .filter(({ from }) => from.state === state.id && from.at === 'anywhere')
    .map(({ to, labels }) => [allStates(state).find(({ id }) => id === to.state)?.key ?? to.state, [...labels]]);

/** All that is written in a state: its name, what it means, and what it does without being left. */
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
