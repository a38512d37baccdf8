/** The link worker: passphrases take a second of work, and the page must not stand still for it.
 * It does one thing and is ended. */

import type { FromLink, ToLink } from './messages';
import init, { check_passphrase, type E2eeError, locked_link } from './wasm/e2ee_wasm';

self.onmessage = async (event: MessageEvent<ToLink>) => {
  try {
    await init();
    post(answer(event.data));
  } catch (error) {
    const { code = 'internal' } = error as Partial<E2eeError>;
    post(code === 'wrong_passphrase' ? { type: 'checked', right: false } : { type: 'failed', code });
  }
};

function answer(request: ToLink): FromLink {
  switch (request.type) {
    case 'lock': {
      const secret = crypto.getRandomValues(new Uint8Array(32));
      return { type: 'locked', link: locked_link(request.room, secret, request.passphrase) };
    }
    case 'check':
      check_passphrase(request.room, request.link, request.passphrase);
      return { type: 'checked', right: true };
  }
}

function post(message: FromLink): void {
  self.postMessage(message);
}
