/** The security policy of the page and of every response. */

import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { RED_BLUE } from './support/person';
import { Testbed } from './support/testbed';

const testbed = new Testbed();

/** The expected Content-Security-Policy. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "worker-src 'self'",
  "font-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types app-worker',
];

describe('the server', () => {
  it('sends the security headers with every response, including scripts, workers and errors', async () => {
    const { url } = testbed.server;
    const assets = readdirSync(new URL('../dist/assets', import.meta.url));
    const paths = ['/', '/check', '/no/such/page', '/api/v1/rooms', '/healthz'];
    for (const path of [...paths, ...assets.map((name) => `/assets/${name}`)]) {
      const { headers } = await fetch(url + path);
      const policy = (headers.get('content-security-policy') ?? '').split(';');
      expect(policy.map((rule) => rule.trim())).toEqual(POLICY);
      expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
      expect(headers.get('cross-origin-embedder-policy')).toBe('require-corp');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
    }
  });
});

describe('the page', () => {
  it('blocks injected HTML, scripts and workers, and sends no request to another server', async () => {
    const ada = await testbed.person('Ada', RED_BLUE);
    await ada.page.goto(testbed.server.url);
    const refused = await ada.page.evaluate(async () => {
      // The debugger may evaluate code; the page itself may not.
      await new Promise((resolve) => setTimeout(resolve, 0));
      const tries: Record<string, () => unknown> = {
        html: () => (document.body.innerHTML = '<b>x</b>'),
        parser: () => new DOMParser().parseFromString('<b>x</b>', 'text/html'),
        // oxlint-disable-next-line typescript/no-implied-eval, no-new-func
        code: () => new Function('return 1')(),
        worker: () => new Worker('/assets/elsewhere.js'),
        policy: () =>
          (
            window as unknown as { trustedTypes: { createPolicy(name: string, by: object): void } }
          ).trustedTypes.createPolicy('another', {}),
        elsewhere: () => fetch('https://example.org/'),
      };
      const names: string[] = [];
      for (const [name, attempt] of Object.entries(tries)) {
        try {
          await attempt();
        } catch {
          names.push(name);
        }
      }
      return names;
    });
    expect(refused).toEqual(['html', 'parser', 'code', 'worker', 'policy', 'elsewhere']);
    // The browser logs what it blocked, and sent no request.
    expect(ada.errors.length).toBeGreaterThan(0);
    ada.errors.length = 0;
    ada.foreign.length = 0;
  });
});
