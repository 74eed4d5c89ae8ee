import type { ClientState } from 'musterjs/client';
import type { Person } from '../contract.js';
import { Avatar } from './Avatar.js';

interface Props {
  readonly me: string;
  readonly people: readonly Person[];
  readonly state: ClientState;
  readonly isLoaded: boolean;
  readonly waiting: number;
  readonly onLogout: () => void;
}

/** More people than these are a number. */
const mostShown = 4;

/** The connection in words. A short outage is no alarm. */
function wordsFor(state: ClientState, isLoaded: boolean): string {
  if (state === 'online') return 'Live';
  if (state === 'offline') return 'Offline';
  return isLoaded ? 'Reconnecting' : 'Connecting';
}

export function Header({ me, people, state, isLoaded, waiting, onLogout }: Props) {
  const isOnline = state === 'online';
  const mineFirst = people.toSorted((one, other) => Number(other.id === me) - Number(one.id === me));
  return (
    <header className="top">
      <img src="/icon.svg" alt="" width="30" height="30" />
      <h1>Board</h1>
      <p className="state" role="status" data-state={isOnline ? 'online' : 'away'}>
        <span className="words">{wordsFor(state, isLoaded)}</span>
        {!isOnline && waiting > 0 && (
          <span className="waiting">
            {waiting === 1 ? '1 change is kept' : `${waiting} changes are kept`}
            <span className="more"> and will be sent</span>
          </span>
        )}
      </p>
      <ul className="people" aria-label="Here now">
        {mineFirst.slice(0, mostShown).map((person) => (
          <li key={person.id}>
            <Avatar person={person} isMe={person.id === me} />
          </li>
        ))}
        {people.length > mostShown && <li className="rest">+{people.length - mostShown}</li>}
      </ul>
      <button type="button" className="quiet" onClick={onLogout}>
        Sign out
      </button>
    </header>
  );
}
