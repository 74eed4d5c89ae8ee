import { type KeyboardEvent, type RefObject, useLayoutEffect, useRef, useState } from 'react';
import type { Card, Person } from '../contract.js';
import { Avatar, colorOf } from './Avatar.js';
import { TitleField } from './TitleField.js';

/** The button that gets the focus back after its card has moved. */
export interface Focus {
  readonly id: string;
  readonly tool: string;
}

interface Props {
  readonly card: Card;
  readonly leftName: string | undefined;
  readonly rightName: string | undefined;
  /** Who else edits it. */
  readonly editor: Person | undefined;
  readonly isDragged: boolean;
  readonly isTarget: boolean;
  readonly focus: RefObject<Focus | undefined>;
  readonly onDrag: (id: string | undefined) => void;
  readonly onStep: (key: string, tool: string) => void;
  readonly onRename: (title: string) => void;
  readonly onRemove: () => void;
  readonly onEditing: (id: string | null) => void;
}

const toolOf = (event: KeyboardEvent): string => (event.target as HTMLElement).dataset['tool'] ?? 'rename';

export function CardView({ card, leftName, rightName, editor, isDragged, isTarget, focus, ...on }: Props) {
  const { id, title } = card;
  const item = useRef<HTMLLIElement>(null);
  const [isEditing, setIsEditing] = useState(false);

  // A card that has moved is another element, or was taken out of the page for a moment.
  useLayoutEffect(() => {
    if (focus.current?.id !== id) return;
    const { tool } = focus.current;
    focus.current = undefined;
    const find = (name: string) => item.current?.querySelector<HTMLElement>(`[data-tool="${name}"]:not(:disabled)`);
    (find(tool) ?? find('rename'))?.focus();
  });

  const edit = (): void => {
    setIsEditing(true);
    on.onEditing(id);
  };
  const save = (saved: string | undefined, isByKey: boolean): void => {
    setIsEditing(false);
    on.onEditing(null);
    if (saved) on.onRename(saved);
    if (isByKey) focus.current = { id, tool: 'rename' };
  };
  const press = (event: KeyboardEvent): void => {
    if (event.key === 'Delete') return on.onRemove();
    if (!event.altKey || !event.key.startsWith('Arrow')) return;
    event.preventDefault();
    on.onStep(event.key, toolOf(event));
  };

  const classes = ['card', isDragged && 'dragged', isTarget && 'before', editor && 'edited'].filter(Boolean).join(' ');
  return (
    <li
      ref={item}
      className={classes}
      data-card={id}
      style={editor && { borderColor: colorOf(editor) }}
      draggable={!isEditing}
      onDragStart={(event) => {
        event.dataTransfer.effectAllowed = 'move';
        event.dataTransfer.setData('text/plain', title);
        on.onDrag(id);
      }}
      onDragEnd={() => on.onDrag(undefined)}
    >
      {isEditing ? <TitleField label="Title" title={title} onEnd={save} /> : <p className="title">{title}</p>}
      {editor && (
        <p className="editor">
          <Avatar person={editor} /> {editor.name} is editing
        </p>
      )}
      {!isEditing && (
        <div
          className="tools"
          role="toolbar"
          aria-label={title}
          aria-keyshortcuts="Alt+ArrowLeft Alt+ArrowRight Alt+ArrowUp Alt+ArrowDown Delete"
          onKeyDown={press}
        >
          <Tool
            name="left"
            label={leftName && `Move to ${leftName}`}
            icon="M10 3 5 8l5 5"
            onUse={() => on.onStep('ArrowLeft', 'left')}
          />
          <Tool
            name="right"
            label={rightName && `Move to ${rightName}`}
            icon="m6 3 5 5-5 5"
            onUse={() => on.onStep('ArrowRight', 'right')}
          />
          <Tool name="rename" label="Rename" icon="m3 13 .8-3L10 3.8 12.2 6 6 12.2 3 13" onUse={edit} />
          <Tool name="remove" label="Delete" icon="m4 4 8 8m0-8-8 8" onUse={on.onRemove} />
        </div>
      )}
    </li>
  );
}

interface ToolProps {
  readonly name: string;
  /** What it does; nothing, if it cannot be used here. */
  readonly label: string | undefined;
  readonly icon: string;
  readonly onUse: () => void;
}

function Tool({ name, label, icon, onUse }: ToolProps) {
  return (
    <button type="button" data-tool={name} disabled={!label} aria-label={label} title={label} onClick={onUse}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={icon} />
      </svg>
    </button>
  );
}
