import type { Person } from '../contract.js';

const hueOf = (id: string): number => {
  let hash = 7;
  for (const letter of id) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 3_600;
  return hash % 360;
};

const initialsOf = (name: string): string => {
  const [first = '', second = ''] = name.split(/\s+/);
  return second ? `${[...first][0]}${[...second][0]}` : [...first].slice(0, 2).join('');
};

export const colorOf = ({ id }: Pick<Person, 'id'>): string => `oklch(52% 0.14 ${hueOf(id)})`;

interface Props {
  readonly person: Person;
  readonly isMe?: boolean;
}

export function Avatar({ person, isMe = false }: Props) {
  const label = isMe ? `${person.name} (you)` : person.name;
  return (
    <span className={isMe ? 'avatar me' : 'avatar'} style={{ background: colorOf(person) }} title={label}>
      <span aria-hidden="true">{initialsOf(person.name)}</span>
      <span className="unseen">{label}</span>
    </span>
  );
}
