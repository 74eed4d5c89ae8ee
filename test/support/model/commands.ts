import type { ConnectOutcome, Instructions, LifecycleEvent, Script } from './program.js';

/** One thing that clients or the program do. `who` is a connection by its order of arrival, modulo their number. */
export type Command =
  | { readonly does: 'connect'; readonly id: string; readonly outcome: ConnectOutcome }
  | { readonly does: 'acknowledge'; readonly who: number }
  | {
      readonly does: 'step';
      readonly who: number;
      readonly namespace: string;
      readonly room: string;
      readonly event: LifecycleEvent;
      readonly isAsk: boolean;
    }
  | {
      readonly does: 'send';
      readonly who: number;
      readonly namespace: string;
      readonly room: string;
      readonly event: 'run' | 'sleep' | 'unknown';
      readonly isAsk: boolean;
      readonly isBinary: boolean;
      readonly instructions: Instructions;
    }
  | { readonly does: 'resume'; readonly who: number }
  | { readonly does: 'answer'; readonly who: number; readonly nth: number; readonly isRefusal: boolean }
  | {
      readonly does: 'begin';
      readonly who: number;
      readonly kind: 'connect' | 'disconnect' | 'join' | 'leave';
      readonly namespace: string;
      readonly room: string;
    }
  | { readonly does: 'play'; readonly script: Script }
  /** Resumes the visitor that has not settled, if there is one. */
  | { readonly does: 'resumeVisit' }
  | { readonly does: 'disconnect'; readonly who: number }
  | { readonly does: 'stall'; readonly who: number }
  | { readonly does: 'drain'; readonly who: number; readonly isStillStalled: boolean }
  | { readonly does: 'tick' };
