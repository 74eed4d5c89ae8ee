import { useClient, useNamespace } from 'musterjs/react';
import { useEffect, useRef, useState } from 'react';
import { app, type Column, columns } from '../contract.js';
import type { Focus } from './CardView.js';
import { ColumnView } from './ColumnView.js';
import { Header } from './Header.js';
import type { Session } from './session.js';
import { useBoard } from './useBoard.js';

interface Props {
  readonly session: Session;
  readonly onLogout: (why?: string) => void;
}

const names: Readonly<Record<Column, string>> = { todo: 'To do', doing: 'Doing', done: 'Done' };

export function BoardPage({ session: { token, user }, onLogout }: Props) {
  const { client, state, reason } = useClient('/live', { contract: app, auth: () => token, key: token });
  const { ns: board, isConnected } = useNamespace(client, 'board');
  const { cards, people, isLoaded, waiting, refusal, change, forgive } = useBoard(board, isConnected);
  const [dragged, setDragged] = useState<string>();
  const [said, setSaid] = useState('');
  const focus = useRef<Focus>(undefined);

  // The server knows the token no more, or has closed for good: only a new login helps.
  const isOver = reason?.code === 4401 || state === 'closed';
  useEffect(() => {
    if (isOver) onLogout(reason?.text || 'The server has ended the session.');
  }, [isOver, reason, onLogout]);

  const move = (id: string, column: Column, before: string | null, tool?: string): void => {
    if (tool) focus.current = { id, tool };
    change({ kind: 'move', id, column, before });
    setSaid(`Moved to ${names[column]}.`);
  };

  return (
    <div className="page">
      <Header
        me={user.id}
        people={people}
        state={state}
        isLoaded={isLoaded}
        waiting={waiting}
        onLogout={() => onLogout()}
      />
      <main className="board" aria-busy={!isLoaded}>
        {columns.map((column, at) => (
          <ColumnView
            key={column}
            column={column}
            name={names[column]}
            left={columns[at - 1]}
            right={columns[at + 1]}
            names={names}
            cards={cards.filter((card) => card.column === column)}
            others={people.filter(({ id }) => id !== user.id)}
            dragged={dragged}
            focus={focus}
            onDrag={setDragged}
            onMove={move}
            onChange={change}
            onEditing={(id) => board?.emit('editing', id)}
          />
        ))}
      </main>
      <p className="unseen" role="status">
        {said}
      </p>
      <div className="toasts" role="alert">
        {refusal && (
          <p className="toast">
            {refusal}
            <button type="button" onClick={forgive} aria-label="Dismiss">
              ✕
            </button>
          </p>
        )}
      </div>
    </div>
  );
}
