import { fileURLToPath } from 'node:url';

export default {
  // Where it finds its packages.
  turbopack: { root: fileURLToPath(new URL('..', import.meta.url)) },
};
