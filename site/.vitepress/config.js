import { defineConfig } from 'vitepress';
import { entries, groups } from '../pages.js';

/** Returns the anchor of a heading as code hosts make it, so that a link works in both places. @param {string} heading */
const slugify = (heading) =>
  heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc} -]/gu, '')
    .replaceAll(' ', '-');

export default defineConfig({
  title: 'Muster',
  description: 'Real-time connections for Node: broadcasts that are lossless, ordered and never hold the event loop.',
  srcDir: '.pages',
  outDir: 'dist',
  cleanUrls: true,
  lastUpdated: false,
  markdown: { theme: { light: 'github-light', dark: 'github-dark' }, anchor: { slugify } },
  // The index of the search is one chunk.
  vite: { build: { chunkSizeWarningLimit: 2_000 } },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Guide', link: '/start' },
      { text: 'Reference', link: '/api/' },
      { text: 'Rules', link: '/spec' },
    ],
    sidebar: [
      ...groups.map(({ text, pages }) => ({
        text,
        items: pages.map(({ title, to }) => ({ text: title, link: `/${to.replace(/\.md$/, '')}` })),
      })),
      {
        text: 'Every type and function',
        items: [...entries.values()].map((name) => ({ text: name, link: `/api/${name}` })),
      },
    ],
    footer: { message: 'MIT licence' },
  },
});
