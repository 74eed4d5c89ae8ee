import { useState } from 'react';
import { BoardPage } from './BoardPage.js';
import { LoginPage } from './LoginPage.js';
import { type Session, storedSession, storeSession } from './session.js';

export function App() {
  const [session, setSession] = useState(storedSession);
  const [notice, setNotice] = useState('');

  const change = (next: Session | undefined, why = ''): void => {
    storeSession(next);
    setSession(next);
    setNotice(why);
  };

  if (!session) return <LoginPage notice={notice} onLogin={change} />;
  return <BoardPage session={session} onLogout={(why) => change(undefined, why)} />;
}
