import type { ExchangeUplink } from '../../exchange/exchange.js';
import type { Deadline, Deadlines } from '../runtime/deadlines.js';

/** What an uplink has shown since a ping. */
interface Shown {
  /** Whether it has answered. What was asked before the ping is then confirmed, or never will be. */
  isAnswered: boolean;
  /** Whether it has sent something on every connection. */
  isActive: boolean;
}

const ping = (uplink: ExchangeUplink): Shown => {
  const shown: Shown = { isAnswered: false, isActive: false };
  const pinged = async (): Promise<void> => uplink.ping();
  const active = async (): Promise<void> => uplink.active?.();
  const answered = (): void => {
    shown.isAnswered = true;
  };
  const sent = (): void => {
    shown.isActive = true;
  };
  // The link reports an uplink that is lost.
  pinged().then(answered, () => {});
  if (uplink.active) active().then(sent, () => {});
  return shown;
};

/**
 * Settles as the promise does. Rejects if the broker does not confirm within `ms`, unless it is busy: it has sent
 * something meanwhile, and has not answered a later ping either (EX15).
 */
export const confirmedInTime = (
  confirmed: Promise<void>,
  uplink: ExchangeUplink,
  deadlines: Deadlines,
  ms: number,
): Promise<void> =>
  new Promise((resolve, reject) => {
    let deadline: Deadline | undefined;
    const judgeAfter = (time: number): void => {
      const shown = ping(uplink);
      deadline = deadlines.after(time, () => {
        if (shown.isActive && !shown.isAnswered) judgeAfter(ms);
        else reject(new Error(`the broker did not confirm within ${ms} ms`));
      });
    };
    // Most are confirmed at once, and need no ping.
    deadline = deadlines.after(ms / 2, () => judgeAfter(ms / 2));
    confirmed.finally(() => deadline?.cancel()).then(resolve, reject);
  });
