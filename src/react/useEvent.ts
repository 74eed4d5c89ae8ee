import { useEffect } from 'react';
import type { NSConn, Room } from '../client/handles.js';
import type { Listener } from '../client/options.js';
import type { HandlerName } from '../client/vocabulary.js';
import { useLatest } from './shared.js';

/**
 * Handles an event of a namespace or room while the component is mounted. The handler of the last render is called,
 * and a new one is no new subscription (RC7). Without a namespace or room it does nothing.
 *
 * @example
 * useEvent(room, 'edited', ({ data }) => setTasks(tasks.map((task) => (task.id === data.id ? data : task))));
 */
export function useEvent<V, Event extends HandlerName<V>>(
  target: NSConn<V> | Room<V> | undefined,
  event: Event,
  handler: Listener<V, Event>,
): void {
  const latest = useLatest(handler);
  useEffect(() => target?.on(event, (message) => latest.current(message)), [target, event, latest]);
}
