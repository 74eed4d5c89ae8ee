import type { Random } from '../actors/runtime/random.js';

/**
 * The names of actors outside the process: `<actor id>~<process>`. Actor ids restart at 1 with each process. A page
 * that stays open across a restart needs the second part (IN14).
 */
export class ActorNames {
  /** A random id of this process. */
  readonly process: string;

  constructor(random: Pick<Random, 'uuid'>) {
    this.process = random.uuid().slice(0, 8);
  }

  /** Returns the reference to an actor of this process. */
  referenceTo(actorId: string): string {
    return `${actorId}~${this.process}`;
  }

  /** Completes an id that was typed by hand to a reference. Returns a reference and the empty text unchanged. */
  complete(reference: string): string {
    return reference === '' || reference.includes('~') ? reference : this.referenceTo(reference);
  }

  /** Returns the actor id of a reference, or '' if it names another process. An id without a process is accepted. */
  actorOf(reference: string): string {
    const [actorId = '', process = this.process] = reference.split('~', 2);
    return process === this.process ? actorId : '';
  }

  /** Returns the actor id of a complete reference. Returns '' for an id without a process. */
  actorOfExactly(reference: string): string {
    return reference.includes('~') ? this.actorOf(reference) : '';
  }
}
