import { decode, type NativeMode } from './codec.js';
import type { Body } from './message.js';

/** What a message is, by its header. It holds names alone: no body, error text or wait token. */
export type Header =
  | {
      readonly kind: 'frame';
      /** Namespace, or `''`. */
      readonly namespace: string;
      /** Room, or `''`. */
      readonly room: string;
      /** Event. An answer without a body has none. */
      readonly event: string;
      /** Which side asks, if the frame is an ask or an answer. */
      readonly asker: 'none' | 'client' | 'server';
      /** Whether the body is an error text. */
      readonly isError: boolean;
    }
  | { readonly kind: 'native' }
  | { readonly kind: 'invalid' };

/** Matches the header of a frame: four fields and two flags. */
const flags = /^(?:[^;]*;){4}[01];[01];/;

const askerOf = (wait: string): 'none' | 'client' | 'server' => {
  if (wait === '') return 'none';
  return wait.startsWith('$') ? 'client' : 'server';
};

/** Returns the header of a message, for those who show messages. A native message has no names. Never throws. */
export const readHeader = (payload: Body, nativeMode: NativeMode): Header => {
  const frame = nativeMode === 'only' ? undefined : decode(payload);
  const isFlagged = nativeMode === 'none' || typeof payload !== 'string' || flags.test(payload);
  if (!frame || !isFlagged) return { kind: nativeMode === 'none' ? 'invalid' : 'native' };
  const { namespace, room, event, wait, isError } = frame;
  return { kind: 'frame', namespace, room, event, asker: askerOf(wait), isError };
};
