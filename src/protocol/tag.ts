/** Sender tag: the wait field of a message from one server to the others. */
export interface SenderTag {
  /** Name of the sending server, fixed from its start. */
  readonly node: string;
  /** Epoch of the sender's numbering (EX9). */
  readonly epoch: number;
  /** Number within the epoch. It grows by one with each message on a channel (EX9). */
  readonly number: number;
  /** Whether the body is binary, even if its bytes are valid UTF-8 (EX6). */
  readonly isBinary: boolean;
  /** Whether the message is native. */
  readonly isNative: boolean;
  /** Id of the excluded connections, or `''` to exclude none. */
  readonly exceptId: string;
}

const start = 'neffos(0x';
/** Maximum size of an id, in bytes (HS11). A longer one cannot exist, so it excludes nothing. */
const maxIdBytes = 128;
const ours = /^neffos\(0x([0-9a-f-]{36})\((\d{1,15})\.(\d{1,15})\.(b?)(n?)\.((?:[0-9a-f]{2}){0,128})\)\)$/;

const hexOfId = (id: string): string => {
  const bytes = Buffer.from(id);
  return bytes.length > maxIdBytes ? '' : bytes.toString('hex');
};

/** Returns the text of a tag. neffos recognises a tag by its first characters and does not read the rest. */
export const writeTag = ({ node, epoch, number, isBinary, isNative, exceptId }: SenderTag): string =>
  `${start}${node}(${epoch}.${number}.${isBinary ? 'b' : ''}${isNative ? 'n' : ''}.${hexOfId(exceptId)}))`;

/** Returns whether this wait field is a sender tag, of Muster or of neffos. */
export const isTag = (wait: string): boolean => wait.startsWith(start);

/** Returns the parts of a tag that a Muster server wrote, or `undefined` for any other tag. */
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
