/** The link worker derives keys from passphrases, which takes a second and would block the page. It
 * answers one request and is terminated. */

import type { FromLink, ToLink } from './messages';
import init, { type E2eeError, locked_link, open_link } from './wasm/e2ee_wasm';

self.onmessage = async (event: MessageEvent<ToLink>) => {
  try {
    await init();
    post(answer(event.data));
  } catch (error) {
    const { code = 'internal' } = error as Partial<E2eeError>;
    post(code === 'wrong_passphrase' ? { type: 'wrong_passphrase' } : { type: 'failed', code });
  }
};

function answer(request: ToLink): FromLink {
  switch (request.type) {
    case 'lock': {
      const secret = crypto.getRandomValues(new Uint8Array(32));
      return { type: 'locked', link: locked_link(request.room, secret, request.passphrase) };
    }
    case 'open': {
      const { room, link, passphrase } = request;
      return { type: 'opened', link: open_link(room, link, passphrase) };
    }
  }
}

function post(message: FromLink): void {
  self.postMessage(message);
}
