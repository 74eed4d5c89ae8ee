import { createElement, type ReactNode, StrictMode } from 'react';
import { flushSync } from 'react-dom';
import { createRoot, hydrateRoot, type Root } from 'react-dom/client';
import { type Listener, Room } from '../../../src/client/client.js';
import { ownClient, type Scene, SceneView } from './scene.js';

/** What the tests call in the page. */
interface Stage {
  /** Shows a scene, in StrictMode. */
  show(scene: Scene): void;
  /** Unmounts the scene and shows another one within the same macrotask. */
  replace(scene: Scene): void;
  /** Unmounts the scene. */
  clear(): void;
  /** Takes over what a server rendered. Returns the text of the page before any effect has run. */
  hydrate(scene: Scene): string;
  /** Dials a client, and joins a room, without any component. */
  join(url: string, namespace: string, room: string): Promise<void>;
  /** What React has complained about. */
  readonly complaints: string[];
  /** How many handlers were ever added to rooms for the event `said`, and how many of them are left. */
  readonly handlers: { added: number; left: number };
}

// The test's page has an element of its own, and this file is its only script.
const browser = globalThis as unknown as {
  readonly document: {
    getElementById(id: string): Parameters<typeof createRoot>[0] & { readonly textContent: string };
  };
  stage: Stage;
};
const element = browser.document.getElementById('root');
const complaints: string[] = [];
const handlers = { added: 0, left: 0 };
let root: Root | undefined;

const { on } = Room.prototype;
Object.assign(Room.prototype, {
  on(this: Room, event: string, listener: Listener) {
    const off = Reflect.apply(on, this, [event, listener]);
    if (event !== 'said') return off;
    handlers.added++;
    handlers.left++;
    return () => {
      handlers.left--;
      off();
    };
  },
});

const tree = (scene: Scene): ReactNode => createElement(StrictMode, null, createElement(SceneView, { scene }));
const render = (scene: Scene): void => {
  root ??= createRoot(element);
  const shown = root;
  flushSync(() => shown.render(tree(scene)));
};
const clear = (): void => {
  root?.unmount();
  root = undefined;
};

browser.stage = {
  show: render,
  clear,
  replace(scene) {
    clear();
    render(scene);
  },
  hydrate(scene) {
    root = hydrateRoot(element, tree(scene), { onRecoverableError: (error) => complaints.push(String(error)) });
    return element.textContent;
  },
  async join(url, namespace, room) {
    const ns = await ownClient(url).connect(namespace);
    await ns.joinRoom(room);
  },
  complaints,
  handlers,
};
