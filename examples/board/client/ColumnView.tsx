import { type DragEvent, type RefObject, useRef, useState } from 'react';
import type { Card, Change, Column, Person } from '../contract.js';
import { CardView, type Focus } from './CardView.js';
import { TitleField } from './TitleField.js';

interface Props {
  readonly column: Column;
  readonly name: string;
  readonly left: Column | undefined;
  readonly right: Column | undefined;
  readonly names: Readonly<Record<Column, string>>;
  readonly cards: readonly Card[];
  readonly others: readonly Person[];
  readonly dragged: string | undefined;
  readonly focus: RefObject<Focus | undefined>;
  readonly onDrag: (id: string | undefined) => void;
  readonly onMove: (id: string, column: Column, before: string | null, tool?: string) => void;
  readonly onChange: (change: Change) => void;
  readonly onEditing: (id: string | null) => void;
}

export function ColumnView({ column, name, left, right, names, cards, others, dragged, focus, ...on }: Props) {
  const list = useRef<HTMLUListElement>(null);
  const [isAdding, setIsAdding] = useState(false);
  /** Whether the button that adds a card gets the focus when it is there again. */
  const isBack = useRef(false);
  /** The card in front of which the dragged one would go; `null` is the end. */
  const [target, setTarget] = useState<string | null>();

  const over = (event: DragEvent): void => {
    if (dragged === undefined) return;
    event.preventDefault();
    const items = [...(list.current?.querySelectorAll<HTMLElement>('[data-card]') ?? [])];
    const next = items.find((item) => {
      const { top, height } = item.getBoundingClientRect();
      return item.dataset['card'] !== dragged && event.clientY < top + height / 2;
    });
    setTarget(next?.dataset['card'] ?? null);
  };
  const leave = ({ currentTarget, relatedTarget }: DragEvent): void => {
    const isInside = relatedTarget instanceof Node && currentTarget.contains(relatedTarget);
    if (!isInside) setTarget(undefined);
  };
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    if (dragged !== undefined) on.onMove(dragged, column, target ?? null);
    on.onDrag(undefined);
    setTarget(undefined);
  };
  const add = (title: string | undefined, isByKey: boolean): void => {
    setIsAdding(false);
    isBack.current = isByKey;
    if (title) on.onChange({ kind: 'add', card: { id: crypto.randomUUID(), title, column } });
  };
  const takeFocus = (button: HTMLButtonElement | null): void => {
    if (!button || !isBack.current) return;
    isBack.current = false;
    button.focus();
  };
  /** Up, down, left or right of where a card is. */
  const step = (at: number, key: string, tool: string): void => {
    const card = cards[at];
    if (!card) return;
    if (key === 'ArrowLeft' && left) on.onMove(card.id, left, null, tool);
    if (key === 'ArrowRight' && right) on.onMove(card.id, right, null, tool);
    if (key === 'ArrowUp' && at > 0) on.onMove(card.id, column, cards[at - 1]?.id ?? null, tool);
    if (key === 'ArrowDown' && at < cards.length - 1) on.onMove(card.id, column, cards[at + 2]?.id ?? null, tool);
  };

  const isTarget = dragged !== undefined && target !== undefined;
  return (
    <section
      className={isTarget ? 'column target' : 'column'}
      data-column={column}
      aria-label={name}
      onDragOver={over}
      onDragLeave={leave}
      onDrop={drop}
    >
      <h2>
        <span className="dot" />
        {name} <span className="count">{cards.length}</span>
      </h2>
      <ul ref={list}>
        {cards.map((card, at) => (
          <CardView
            key={card.id}
            card={card}
            leftName={left && names[left]}
            rightName={right && names[right]}
            editor={others.find(({ editing }) => editing === card.id)}
            isDragged={card.id === dragged}
            isTarget={isTarget && card.id === target}
            focus={focus}
            onDrag={on.onDrag}
            onStep={(key, tool) => step(at, key, tool)}
            onRename={(title) => on.onChange({ kind: 'rename', id: card.id, title })}
            onRemove={() => on.onChange({ kind: 'remove', id: card.id })}
            onEditing={on.onEditing}
          />
        ))}
        {isTarget && target === null && <li className="line" />}
      </ul>
      {isAdding ? (
        <TitleField label={`New card in ${name}`} placeholder="What is to be done?" onEnd={add} />
      ) : (
        <button type="button" className="add" ref={(button) => takeFocus(button)} onClick={() => setIsAdding(true)}>
          <span aria-hidden="true">+</span> Add a card<span className="unseen"> to {name}</span>
        </button>
      )}
    </section>
  );
}
