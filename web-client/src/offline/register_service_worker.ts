/** Lets the page be installed, and open when the server is out of reach. */

import { ownScript } from '../trusted_script_url';

export async function keepShell(): Promise<void> {
  if (!('serviceWorker' in navigator) || import.meta.env.DEV) return;
  try {
    await navigator.serviceWorker.register(ownScript('/service-worker.js'), {
      updateViaCache: 'none',
    });
  } catch {
    // A private window may not allow it; the page works without.
  }
}
