/**
 * The shortcuts of a server. Each gives the same result as the way that it shortens; tests turn them off one by one.
 * They are not options of a program.
 */
export interface FastPaths {
  /** Whether whole text frames are parsed without `ws`. */
  readonly ownParser: boolean;
  /** Whether what one read leads to leaves in one write. */
  readonly gather: boolean;
  /** Whether bytes go straight to the handle of a socket, and are taken from it, where Node allows it. */
  readonly handle: boolean;
  /** Whether the steps of charts are memoised. */
  readonly memo: boolean;
}

/** All shortcuts. */
export const fastPaths: FastPaths = { ownParser: true, gather: true, handle: true, memo: true };
