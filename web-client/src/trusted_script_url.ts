/** Script of this origin, by the one policy that Trusted Types allow here. */

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
        throw new TypeError('workers come from this origin only');
      }
      return url;
    },
  },
);

/** For `new Worker` and the like. */
export function ownScript(url: string): string {
  return policy === undefined ? url : policy.createScriptURL(url);
}
