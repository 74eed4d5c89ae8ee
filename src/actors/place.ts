/** The connection's place in the audience: what it calls before it writes, joins, leaves or ends. */
export interface Place {
  /** Bytes that wait in the outbox. */
  readonly owed: number;
  serve(): void;
  hold(bytes: Uint8Array): void;
  catchUp(): void;
  enter(namespace: string, room: string): void;
  exit(namespace: string, room: string): void;
  retire(): void;
}
