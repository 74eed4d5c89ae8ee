import { type FormEvent, useState } from 'react';
import { logIn, type Session } from './session.js';

interface Props {
  /** Why the last session has ended. */
  readonly notice: string;
  readonly onLogin: (session: Session) => void;
}

export function LoginPage({ notice, onLogin }: Props) {
  const [error, setError] = useState(notice);
  const [isBusy, setIsBusy] = useState(false);

  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setIsBusy(true);
    setError('');
    try {
      onLogin(await logIn(String(form.get('name')), String(form.get('password'))));
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : String(reason));
      setIsBusy(false);
    }
  };

  return (
    <main className="login">
      <form className="sheet" onSubmit={submit}>
        <img className="mark" src="/icon.svg" alt="" width="44" height="44" />
        <h1>Board</h1>
        <p className="hint">
          Any name, and the password <kbd>muster</kbd>
        </p>
        <label>
          Name
          <input name="name" autoComplete="username" maxLength={24} required />
        </label>
        <label>
          Password
          <input name="password" type="password" autoComplete="current-password" required />
        </label>
        <p className="error" role="alert">
          {error}
        </p>
        <button type="submit" className="primary" disabled={isBusy}>
          Sign in
        </button>
      </form>
    </main>
  );
}
