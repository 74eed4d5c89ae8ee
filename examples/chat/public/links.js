// @ts-check
/** Finds the addresses in a text. */

/** Matches an address. The punctuation behind it belongs to the sentence. */
const address = /\bhttps?:\/\/[^\s<>"]*[^\s<>"'.,;:!?)\]}]/g;

/** @typedef {{ readonly text: string, readonly href?: string }} Part */

/** Returns a text in parts. A part with a `href` is an address of the web; no other scheme is. @param {string} text */
export function partsOf(text) {
  /** @type {Part[]} */
  const parts = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(address)) {
    if (!URL.canParse(found)) continue;
    if (index > end) parts.push({ text: text.slice(end, index) });
    parts.push({ text: found, href: found });
    end = index + found.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end) });
  return parts;
}
