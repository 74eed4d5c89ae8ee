import { arrowsOf } from './arrows.js';
import { allStates, type ChartState } from './chart.js';
import { arrowName, stateName } from './dot.js';
import { kindColours } from './lettering.js';

/** Returns a colour of the page, a custom property. Without it the drawing has the colour of the text around it. */
const colour = (property: string, fallback = 'currentColor'): string => `var(--chart-${property}, ${fallback})`;

const kindByColour = new Map<string, string>(Object.entries(kindColours).map(([kind, mark]) => [mark, kind]));

const attribute = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Returns the value of an attribute in a tag that Graphviz wrote. */
const read = (tag: string, name: string): string | undefined => new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1];

/** A row of text. Its pieces become one element, so that they adjoin in any font. */
class Row {
  #pieces = '';
  #isPlain = true;

  constructor(private readonly first: string) {}

  /** Returns whether a tag is on the same row. */
  continues(tag: string): boolean {
    return read(tag, 'y') === read(this.first, 'y');
  }

  /** Adds a piece. */
  add(tag: string): void {
    const kind = kindByColour.get(read(tag, 'fill') ?? '') ?? 'name';
    const isBold = tag.includes('font-weight="bold"');
    const text = tag.slice(tag.indexOf('>') + 1, tag.lastIndexOf('</text>'));
    this.#isPlain &&= !isBold && this.#pieces === '';
    const size = `font-size="${Number(read(tag, 'font-size') ?? 11)}"`;
    this.#pieces += `<tspan class="${kind}" ${size}${isBold ? ' font-weight="600"' : ''} fill="${colour(kind)}">${text}</tspan>`;
  }

  /** Returns the row as an element. */
  toString(): string {
    // Graphviz places a row with bold or mixed text a little too high.
    const lower = this.#isPlain ? 0 : 0.19 * Number(read(this.first, 'font-size'));
    const y = Number((Number(read(this.first, 'y')) + lower).toFixed(2));
    const anchor = read(this.first, 'text-anchor') === 'middle' ? ' text-anchor="middle"' : '';
    return `<text xml:space="preserve" x="${read(this.first, 'x')}" y="${y}"${anchor}>${this.#pieces}</text>`;
  }
}

/** Returns the outermost tag, with its size, a name, and a font that every system has. */
const opening = (tag: string, { id }: ChartState): string => {
  const size = `width="${read(tag, 'width')}" height="${read(tag, 'height')}" viewBox="${read(tag, 'viewBox')}"`;
  const fonts = 'font-family="system-ui, sans-serif"';
  return `<svg xmlns="http://www.w3.org/2000/svg" class="chart" ${size} ${fonts} role="group" aria-label="${attribute(id)}">`;
};

/** Returns the data attributes of groups, by Graphviz's id. Scripts find a state's group by them. */
const originsOf = (chart: ChartState): Map<string, string> =>
  new Map([
    ...allStates(chart).map(({ id }, at) => [stateName(at), ` data-state="${attribute(id)}"`] as const),
    ...arrowsOf(chart).map(
      ({ from, to }, at) =>
        [arrowName(at), ` data-from="${attribute(from.state)}" data-to="${attribute(to.state)}"`] as const,
    ),
  ]);

/**
 * Converts Graphviz's drawing of a chart for use in a page: removes colours, links and ids, and names the state of each
 * group. Graphviz has escaped the text already.
 */
export const toSvg = (drawn: string, chart: ChartState): string => {
  const origins = originsOf(chart);
  const lines: string[] = [];
  /** The labels of arrows, which lie above all arrows. */
  const onTop: string[] = [];
  let row: Row | undefined;
  /** The group of the current arrow, if any. */
  let arrow = '';
  /** Whether the current state has its filled shape. A second shape is the ring of a final state. */
  let isFilled = false;

  const openGroup = (tag: string): string => {
    const classes = read(tag, 'class') ?? '';
    const words = classes.replace(/^(?:graph|node|edge) /, '');
    const place = classes.startsWith('graph') ? ` transform="${read(tag, 'transform')}"` : '';
    const group = `<g class="${words}"${place}${origins.get(read(tag, 'id') ?? '') ?? ''}>`;
    arrow = classes.startsWith('edge') ? group : '';
    isFilled = false;
    return group;
  };
  const shape = (tag: string): string => {
    if (read(tag, 'fill') === 'white') return outermostBox(tag);
    const isHollow = read(tag, 'fill') === 'none';
    const isBox = isHollow && !isFilled && arrow === '';
    isFilled ||= isBox;
    const fill = isBox ? colour('fill', 'none') : isHollow ? 'none' : colour('line');
    return tag
      .replace(/ fill="[^"]*"/, ` class="${isBox ? 'box' : 'line'}" fill="${fill}"`)
      .replace(/ stroke="[^"]*"/, ` stroke="${colour('line')}"`);
  };
  const endRow = (): void => {
    if (row) (arrow === '' ? lines : onTop).push(arrow === '' ? `${row}` : `${arrow}${row}</g>`);
    row = undefined;
  };

  const body = drawn.slice(drawn.indexOf('<svg')).replace(/<svg [^>]*>/, (tag) => tag.replaceAll(/\s+/g, ' '));
  for (const tag of body.replaceAll(/^<!--.*?-->\n|^<title>.*?<\/title>\n/gms, '').split('\n')) {
    if (!tag.startsWith('<text') || !row?.continues(tag)) endRow();
    if (tag.startsWith('<text')) {
      row ??= new Row(tag);
      row.add(tag);
    } else if (tag.startsWith('<svg ')) lines.push(opening(tag, chart));
    else if (tag.startsWith('<g ')) lines.push(openGroup(tag));
    else if (tag === '</svg>') lines.splice(-1, 0, ...onTop);
    if (tag.startsWith('</')) lines.push(tag);
    else if (/^<(?:path|polygon|ellipse|polyline) /.test(tag)) lines.push(shape(tag));
  }
  return lines.join('\n');
};

/** Returns the box of the outermost state, in place of Graphviz's background. */
const outermostBox = (tag: string): string => {
  const corners = (read(tag, 'points') ?? '').split(' ').map((point) => point.split(',').map(Number));
  const xs = corners.map(([x = 0]) => x);
  const ys = corners.map(([, y = 0]) => y);
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  // An inset, so that the line of the box is not cut off.
  const place = `x="${(left + 1).toFixed(2)}" y="${(top + 1).toFixed(2)}" rx="10"`;
  const size = `width="${(Math.max(...xs) - left - 2).toFixed(2)}" height="${(Math.max(...ys) - top - 2).toFixed(2)}"`;
  return `<rect class="box" fill="${colour('fill', 'none')}" stroke="${colour('line')}" ${place} ${size}/>`;
};
