import { arrowsOf } from './arrows.js';
import { allStates, type ChartState } from './chart.js';
import { arrowName, stateName } from './dot.js';
import { inks } from './lettering.js';

/** Colours are the page's, by custom properties; without them a picture takes the colour of the text around it. */
const paint = (property: string, fallback = 'currentColor'): string => `var(--chart-${property}, ${fallback})`;

const inkByColour = new Map<string, string>(Object.entries(inks).map(([ink, colour]) => [colour, ink]));

const attribute = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** The value of an attribute in a tag that Graphviz has written. */
const read = (tag: string, name: string): string | undefined => new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1];

/** A row of text: pieces in several inks flow as one, whatever font the reader has. */
class Row {
  #pieces = '';
  #isPlain = true;

  constructor(private readonly first: string) {}

  continues(tag: string): boolean {
    return read(tag, 'y') === read(this.first, 'y');
  }

  add(tag: string): void {
    const ink = inkByColour.get(read(tag, 'fill') ?? '') ?? 'name';
    const isBold = tag.includes('font-weight="bold"');
    const text = tag.slice(tag.indexOf('>') + 1, tag.lastIndexOf('</text>'));
    this.#isPlain &&= !isBold && this.#pieces === '';
    const size = `font-size="${Number(read(tag, 'font-size') ?? 11)}"`;
    this.#pieces += `<tspan class="${ink}" ${size}${isBold ? ' font-weight="600"' : ''} fill="${paint(ink)}">${text}</tspan>`;
  }

  toString(): string {
    // Graphviz sets what is not plain a little higher than it should stand.
    const lower = this.#isPlain ? 0 : 0.19 * Number(read(this.first, 'font-size'));
    const y = Number((Number(read(this.first, 'y')) + lower).toFixed(2));
    const anchor = read(this.first, 'text-anchor') === 'middle' ? ' text-anchor="middle"' : '';
    return `<text xml:space="preserve" x="${read(this.first, 'x')}" y="${y}"${anchor}>${this.#pieces}</text>`;
  }
}

/** The outermost tag, with a size, a name, and fonts that everybody has. */
const opening = (tag: string, { id }: ChartState): string => {
  const size = `width="${read(tag, 'width')}" height="${read(tag, 'height')}" viewBox="${read(tag, 'viewBox')}"`;
  const fonts = 'font-family="system-ui, sans-serif"';
  return `<svg xmlns="http://www.w3.org/2000/svg" class="chart" ${size} ${fonts} role="group" aria-label="${attribute(id)}">`;
};

/** Where a group of the picture comes from, for scripts that bring it to life. */
const originsOf = (chart: ChartState): Map<string, string> =>
  new Map([
    ...allStates(chart).map(({ id }, at) => [stateName(at), ` data-state="${attribute(id)}"`] as const),
    ...arrowsOf(chart).map(
      ({ from, to }, at) =>
        [arrowName(at), ` data-from="${attribute(from.state)}" data-to="${attribute(to.state)}"`] as const,
    ),
  ]);

/**
 * What Graphviz has drawn of a chart, made fit for a page: without colours, links and ids, and every state says which it is.
 * Text that is shown was escaped by Graphviz, and stays as it is.
 */
export const dress = (drawn: string, chart: ChartState): string => {
  const origins = originsOf(chart);
  const lines: string[] = [];
  /** What is written beside arrows goes on top of all of them. */
  const onTop: string[] = [];
  let row: Row | undefined;
  /** The group of the arrow that is being drawn. */
  let arrow = '';
  /** A state has one filled shape; one around that is its ring. */
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
    if (read(tag, 'fill') === 'white') return paper(tag);
    const isHollow = read(tag, 'fill') === 'none';
    const isBox = isHollow && !isFilled && arrow === '';
    isFilled ||= isBox;
    const fill = isBox ? paint('fill', 'none') : isHollow ? 'none' : paint('line');
    return tag
      .replace(/ fill="[^"]*"/, ` class="${isBox ? 'box' : 'line'}" fill="${fill}"`)
      .replace(/ stroke="[^"]*"/, ` stroke="${paint('line')}"`);
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

/** The frame of the whole picture is the outermost state's. */
const paper = (tag: string): string => {
  const corners = (read(tag, 'points') ?? '').split(' ').map((point) => point.split(',').map(Number));
  const xs = corners.map(([x = 0]) => x);
  const ys = corners.map(([, y = 0]) => y);
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  // Half a line stays free, for the line itself.
  const place = `x="${(left + 1).toFixed(2)}" y="${(top + 1).toFixed(2)}" rx="10"`;
  const size = `width="${(Math.max(...xs) - left - 2).toFixed(2)}" height="${(Math.max(...ys) - top - 2).toFixed(2)}"`;
  return `<rect class="box" fill="${paint('fill', 'none')}" stroke="${paint('line')}" ${place} ${size}/>`;
};
