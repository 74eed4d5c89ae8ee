// What the site has: every page of the repository that a user reads, in the order of the sidebar.

/** @typedef {{ readonly from: string, readonly to: string, readonly title: string }} Page */
/** @typedef {{ readonly text: string, readonly pages: readonly Page[] }} Group */

/** @param {string} name @param {string} title @returns {Page} */
const guide = (name, title) => ({ from: `docs/${name}.md`, to: `${name}.md`, title });

/** @type {readonly Group[]} */
export const groups = [
  {
    text: 'Begin',
    pages: [
      { from: 'README.md', to: 'start.md', title: 'Get started' },
      guide('client', 'The client'),
      guide('contract', 'The contract'),
      guide('react', 'React'),
    ],
  },
  {
    text: 'On the server',
    pages: [
      guide('authentication', 'Authentication'),
      guide('events', 'Events and namespaces'),
      guide('rooms', 'Rooms'),
      guide('asking', 'Asking'),
      guide('middleware', 'Middleware'),
      guide('errors', 'Errors and closing'),
      guide('machines', 'Changing the machines'),
      guide('charts', 'Charts'),
    ],
  },
  {
    text: 'In production',
    pages: [
      guide('deploying', 'Deploying'),
      guide('scale-out', 'More than one process'),
      guide('limits', 'Limits'),
      guide('metrics', 'Metrics'),
      guide('inspector', 'The inspector'),
      guide('performance', 'Performance'),
      guide('conformance', 'Conformance'),
      guide('coming-from-neffos', 'Coming from neffos'),
      { from: 'SECURITY.md', to: 'security.md', title: 'Security' },
    ],
  },
  {
    text: 'How it works',
    pages: [
      { from: 'ARCHITECTURE.md', to: 'architecture.md', title: 'Architecture' },
      { from: 'SPEC.md', to: 'spec.md', title: 'The rules' },
      { from: 'CONTRIBUTING.md', to: 'contributing.md', title: 'Contributing' },
      { from: 'CHANGELOG.md', to: 'changelog.md', title: 'Changes' },
    ],
  },
];

/** @type {readonly Page[]} */
export const pages = groups.flatMap((group) => group.pages);

/** The entry points of the package, by the path of their declarations. */
export const entries = new Map([
  ['index', 'musterjs'],
  ['client/client', 'musterjs/client'],
  ['client/machine', 'musterjs/client/machine'],
  ['contract/contract', 'musterjs/contract'],
  ['react/react', 'musterjs/react'],
  ['exchange/redis', 'musterjs/redis'],
  ['exchange/nats', 'musterjs/nats'],
  ['inspector/inspector', 'musterjs/inspector'],
]);
