import { createElement, type ReactNode, StrictMode } from 'react';
import { createRoot, hydrateRoot, type Root } from 'react-dom/client';
import { type Scene, SceneView } from './scene.js';

/** What the tests call in the page. */
interface Stage {
  /** Shows a scene, in StrictMode. */
  show(scene: Scene): void;
  /** Takes over what a server rendered. */
  hydrate(scene: Scene): void;
  /** What React has complained about. */
  readonly complaints: string[];
  /** Unmounts the scene and shows another one within the same macrotask. */
  replace(scene: Scene): void;
  /** Unmounts the scene. */
  clear(): void;
}

// The test's page has an element of its own, and this file is its only script.
const browser = globalThis as unknown as {
  readonly document: { getElementById(id: string): Parameters<typeof createRoot>[0] };
  stage: Stage;
};
const element = browser.document.getElementById('root');
const complaints: string[] = [];
let root: Root | undefined;

const tree = (scene: Scene): ReactNode => createElement(StrictMode, null, createElement(SceneView, { scene }));

browser.stage = {
  show(scene) {
    root ??= createRoot(element);
    root.render(tree(scene));
  },
  hydrate(scene) {
    root = hydrateRoot(element, tree(scene), { onRecoverableError: (error) => complaints.push(String(error)) });
  },
  complaints,
  replace(scene) {
    root?.unmount();
    root = createRoot(element);
    root.render(tree(scene));
  },
  clear() {
    root?.unmount();
    root = undefined;
  },
};
