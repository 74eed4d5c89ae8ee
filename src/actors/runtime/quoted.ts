// JSON does not escape these. Some of them break or turn a line, a terminal acts on others, and the rest shows nothing.
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

const escaped = (one: string): string =>
  Array.from({ length: one.length }, (_, at) => `\\u${one.charCodeAt(at).toString(16).padStart(4, '0')}`).join('');

/** Returns a text that a client has chosen in quotes, for a line of a log. */
export const quoted = (text: string): string => JSON.stringify(text).replace(unprintable, escaped);
