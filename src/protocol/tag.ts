/** What stands in the wait field of a message that one server sends to the others. */
export interface SenderTag {
  /** The server that has sent it, as it has been called since its start. */
  readonly node: string;
  /** Which count of that server's this is, and the number in it: one more than the message before it (EX9). */
  readonly epoch: number;
  readonly number: number;
  /** The body is binary, whatever its bytes look like. */
  readonly isBinary: boolean;
  readonly isNative: boolean;
  /** Connections with this id are left out; `''` for nobody. */
  readonly exceptId: string;
}

const start = 'neffos(0x';
/** An id is at most 128 bytes, of which each takes two digits; nobody has a longer one. */
const mostIdBytes = 128;
const ours = /^neffos\(0x([0-9a-f-]{36})\((\d{1,15})\.(\d{1,15})\.(b?)(n?)\.((?:[0-9a-f]{2}){0,128})\)\)$/;

const hexOfId = (id: string): string => {
  const bytes = Buffer.from(id);
  return bytes.length > mostIdBytes ? '' : bytes.toString('hex');
};

/** Other servers know a tag by its first characters, and pass the rest on or take it off without a look at it. */
export const writeTag = ({ node, epoch, number, isBinary, isNative, exceptId }: SenderTag): string =>
  `${start}${node}(${epoch}.${number}.${isBinary ? 'b' : ''}${isNative ? 'n' : ''}.${hexOfId(exceptId)}))`;

/** Is this wait a tag, of whatever server? */
export const isTag = (wait: string): boolean => wait.startsWith(start);

/** Reads a tag that is one of ours; `undefined` when it says nothing to us. */
export const readTag = (wait: string): SenderTag | undefined => {
  const [, node = '', epoch, number, binary, native, id = ''] = ours.exec(wait) ?? [];
  if (node === '') return undefined;
  return {
    node,
    epoch: Number(epoch),
    number: Number(number),
    isBinary: binary === 'b',
    isNative: native === 'n',
    exceptId: Buffer.from(id, 'hex').toString(),
  };
};
