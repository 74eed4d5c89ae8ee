import type { Random } from '../actors/runtime/random.js';

/**
 * How actors are called outside of the process. Their own names begin anew with each process: a page that stays open while
 * the server is started again must not take one connection for another.
 */
export class ActorNames {
  readonly process: string;

  constructor(random: Pick<Random, 'uuid'>) {
    this.process = random.uuid().slice(0, 8);
  }

  referenceTo(actorId: string): string {
    return `${actorId}~${this.process}`;
  }

  /** One that was typed in, as it is called from now on. */
  whole(reference: string): string {
    return reference === '' || reference.includes('~') ? reference : this.referenceTo(reference);
  }

  /** The name of the actor here; empty when somebody else's is meant. One that was typed in names no process. */
  actorOf(reference: string): string {
    const [actorId = '', process = this.process] = reference.split('~', 2);
    return process === this.process ? actorId : '';
  }

  /** … and not guessed. */
  actorOfExactly(reference: string): string {
    return reference.includes('~') ? this.actorOf(reference) : '';
  }
}
