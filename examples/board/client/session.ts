/** The login: a token for this tab, which survives a reload of the page. */
export interface Session {
  readonly token: string;
  readonly user: { readonly id: string; readonly name: string };
}

const key = 'muster.board';

export function storedSession(): Session | undefined {
  const stored = sessionStorage.getItem(key);
  return stored ? JSON.parse(stored) : undefined;
}

export function storeSession(session: Session | undefined): void {
  if (session) sessionStorage.setItem(key, JSON.stringify(session));
  else sessionStorage.removeItem(key);
}

/** Resolves with a session, or rejects with the reason in words for the person at the page. */
export async function logIn(name: string, password: string): Promise<Session> {
  const response = await fetch('/login', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name, password }),
  }).catch(() => {
    throw new Error('The server cannot be reached.');
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}
