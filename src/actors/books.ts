import type { Author } from './meters.js';
import type { Socket } from './socket.js';
import type { Ending, View } from './view.js';

/** The books in which a connection stands. */
export interface Books<Member> {
  /** Its chart has come from one state to another; if it is over, whose words has it ended with? */
  moved(member: Member, from: View, to: View, ending: Ending, author: Author): void;
  /** Its socket's queue is empty again: a sign of life. */
  tookAll(member: Member): void;
  /** It is in no audience and in no count any more. */
  retired(member: Member, last: View): void;
  /** Its last handler has run. */
  departed(member: Member): void;
  /** This socket has been told goodbye, and nobody looks after it any more. */
  seeOff(socket: Socket): void;
}
