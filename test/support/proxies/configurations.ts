import { readFileSync } from 'node:fs';
import type { Certificate } from '../peers/certificate.js';

/** A text of a block, and what a test has in its place. */
export type Edit = readonly [from: string, to: string];

/** What differs between the blocks of docs/deploying.md and a test. */
export interface Place {
  /** Where the proxy listens. */
  readonly port: number;
  /** The ports of the servers behind it, one or two. */
  readonly servers: readonly [first: number, second?: number | undefined];
  readonly certificate: Certificate;
  readonly edits?: readonly Edit[];
}

const page = readFileSync(new URL('../../../docs/deploying.md', import.meta.url), 'utf8');

/** Returns the blocks of docs/deploying.md in this language. */
const blocksIn = (language: string): string[] =>
  Array.from(page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms')), ([, code = '']) => code);

/** Replaces each text; throws where a block has it not. */
const edited = (block: string, edits: readonly Edit[]): string =>
  edits.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the block has no "${from}": ${text}`);
    return text.replaceAll(from, to);
  }, block);

/** The second server's line is left out where there is one server. */
const servers = ([first, second]: Place['servers'], line: string): readonly Edit[] => [
  ['127.0.0.1:8080', `127.0.0.1:${first}`],
  second === undefined ? [line, ''] : ['127.0.0.1:8081', `127.0.0.1:${second}`],
];

/** Returns a configuration of nginx with the blocks of the page. */
export const nginxConfiguration = ({ port, servers: ports, certificate, edits = [] }: Place): string => {
  const [top = '', site = ''] = blocksIn('nginx');
  const limits = edited(top, [
    ['auto', '2'],
    ['131072', '1024'],
    ['65536', '256'],
  ]);
  const block = edited(site, [
    ['listen 443', `listen 127.0.0.1:${port}`],
    ['/etc/ssl/example.com.pem', certificate.cert],
    ['/etc/ssl/example.com.key', certificate.key],
    ...servers(ports, '  server 127.0.0.1:8081 fail_timeout=1s;\n'),
    ...edits,
  ]);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${kind};`);
  return `pid nginx.pid;\nerror_log stderr notice;\n${limits}\nhttp {\naccess_log off;\n${temporary.join('\n')}\n${block}}\n`;
};

/** Returns a configuration of HAProxy with the block of the page. */
export const haproxyConfiguration = ({ port, servers: ports, certificate, edits = [] }: Place): string => {
  const [block = ''] = blocksIn('haproxy');
  return edited(block, [
    ['maxconn 50000', 'maxconn 256'],
    ['bind :443', `bind 127.0.0.1:${port}`],
    ['/etc/haproxy/example.com.pem', certificate.both],
    ...servers(ports, '  server b 127.0.0.1:8081\n'),
    ...edits,
  ]);
};
