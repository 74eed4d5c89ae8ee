import { type KeyboardEvent, useEffect, useRef } from 'react';

interface Props {
  readonly label: string;
  readonly title?: string;
  readonly placeholder?: string;
  /** Called once: with a title to be saved, or with nothing, and with whether a key ended it. */
  readonly onEnd: (title: string | undefined, isByKey: boolean) => void;
}

/** A field for a title, which has the focus. Enter saves, and so does leaving it; Escape does not. */
export function TitleField({ label, title = '', placeholder, onEnd }: Props) {
  const field = useRef<HTMLTextAreaElement>(null);
  const isOver = useRef(false);

  useEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);

  const end = (isSaved: boolean, isByKey: boolean): void => {
    const text = field.current?.value.trim() ?? '';
    if (isOver.current) return;
    isOver.current = true;
    onEnd(isSaved && text !== '' && text !== title ? text : undefined, isByKey);
  };
  const press = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' && event.key !== 'Escape') return;
    event.preventDefault();
    end(event.key === 'Enter', true);
  };

  return (
    <textarea
      ref={field}
      className="field"
      aria-label={label}
      defaultValue={title}
      placeholder={placeholder}
      maxLength={120}
      rows={1}
      onKeyDown={press}
      onBlur={() => end(true, false)}
    />
  );
}
