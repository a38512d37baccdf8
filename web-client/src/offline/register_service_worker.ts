/** Registers the service worker, so that the page can be installed and opens offline. */

import { trustedScriptUrl } from '../trusted_script_url';

export async function registerServiceWorker(): Promise<void> {
  if (!('serviceWorker' in navigator) || import.meta.env.DEV) return;
  try {
    await navigator.serviceWorker.register(trustedScriptUrl('/service-worker.js'), {
      updateViaCache: 'none',
    });
  } catch {
    // Private windows may not allow it; the page works without.
  }
}
