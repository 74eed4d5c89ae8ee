import { ErrWrite, type NSConn } from 'musterjs/client';
import { useEvent } from 'musterjs/react';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { changed } from '../cards.js';
import type { app, Card, Change, Person } from '../contract.js';

export type BoardConn = NSConn<typeof app.board>;

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * The board as this page sees it: what the server has confirmed, with the changes on top that it has not answered yet.
 * A change that is refused is taken off again, which is the whole rollback. While the page is offline, changes wait;
 * one that was under way when the line was lost is sent again, as a change can be made twice without harm.
 */
export function useBoard(board: BoardConn | undefined, isConnected: boolean) {
  const [confirmed, setConfirmed] = useState<readonly Card[]>();
  const [people, setPeople] = useState<readonly Person[]>([]);
  const [pending, setPending] = useState<readonly Change[]>([]);
  const [refusal, setRefusal] = useState('');

  useEvent(board, 'changed', ({ data }) => setConfirmed((cards) => cards && changed(cards, data)));
  useEvent(board, 'people', ({ data }) => setPeople(data));

  // Online, or online again: what has happened meanwhile is in the whole board.
  useEffect(() => {
    if (!board || !isConnected) return;
    const control = new AbortController();
    board.ask('load', undefined, { signal: control.signal }).then(
      (whole) => {
        setConfirmed(whole.cards);
        setPeople(whole.people);
      },
      (error: unknown) => {
        if (!control.signal.aborted && error !== ErrWrite) setRefusal(textOf(error));
      },
    );
    return () => control.abort();
  }, [board, isConnected]);

  // One change after the other, in order.
  const [next] = pending;
  useEffect(() => {
    if (!board || !isConnected || !next) return;
    const control = new AbortController();
    const settle = (): void => setPending((changes) => changes.filter((change) => change !== next));
    board.ask('change', next, { signal: control.signal }).then(settle, (error: unknown) => {
      // Lost with the line: it goes out again when the page is back.
      if (control.signal.aborted || error === ErrWrite) return;
      setRefusal(textOf(error));
      settle();
    });
    return () => control.abort();
  }, [board, isConnected, next]);

  const cards = useMemo(() => pending.reduce(changed, confirmed ?? []), [pending, confirmed]);
  const change = useCallback((made: Change) => {
    setRefusal('');
    setPending((changes) => [...changes, made]);
  }, []);
  const forgive = useCallback(() => setRefusal(''), []);
  return { cards, people, isLoaded: confirmed !== undefined, waiting: pending.length, refusal, change, forgive };
}
