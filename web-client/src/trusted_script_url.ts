/** Script URLs of this origin, by the one Trusted Types policy that the page allows. */

interface TrustedTypesFactory {
  createPolicy(
    name: string,
    rules: { createScriptURL(url: string): string },
  ): { createScriptURL(url: string): string };
}

const policy = (globalThis as { trustedTypes?: TrustedTypesFactory }).trustedTypes?.createPolicy(
  'app-worker',
  {
    createScriptURL(url) {
      if (new URL(url, location.href).origin !== location.origin) {
        throw new TypeError('scripts must come from this origin');
      }
      return url;
    },
  },
);

/** Returns a URL for `new Worker` and the like; throws a `TypeError` for another origin. */
export function trustedScriptUrl(url: string): string {
  return policy === undefined ? url : policy.createScriptURL(url);
}
