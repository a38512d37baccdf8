/**
 * The service worker caches the page and its assets, so that the page opens offline and can explain
 * it. It does not handle the server's API, and never stores the address of a room: every page is
 * cached as `/`.
 */

interface ExtendableEvent extends Event {
  waitUntil(promise: Promise<unknown>): void;
}

interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

const CACHE = 'shell';
const PAGE = '/';
/** The other files of an installed app. */
const APP_FILES = new Set([
  '/manifest.webmanifest',
  '/favicon.svg',
  '/icon-192.png',
  '/icon-512.png',
]);

addEventListener('install', (event) => {
  (event as ExtendableEvent).waitUntil(cachePage());
});

addEventListener('fetch', (event) => {
  const fetched = event as FetchEvent;
  const { request } = fetched;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== location.origin) return;
  if (request.mode === 'navigate') fetched.respondWith(fetchPage(fetched));
  else if (pathname.startsWith('/assets/')) fetched.respondWith(fetchAsset(request));
  else if (APP_FILES.has(pathname)) fetched.respondWith(fetchAppFile(request));
});

async function cachePage(): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.add(new Request(PAGE, { cache: 'reload' }));
}

/** Returns the server's page, or the cached one if the server cannot be reached. */
async function fetchPage(event: FetchEvent): Promise<Response> {
  try {
    const response = await fetch(event.request);
    if (response.ok && (response.headers.get('content-type') ?? '').startsWith('text/html')) {
      event.waitUntil(updatePage(response.clone()));
    }
    return response;
  } catch (error) {
    const cached = await caches.match(PAGE, { cacheName: CACHE });
    if (cached === undefined) throw error;
    return cached;
  }
}

/** Caches a page. If it has changed, the assets of the old one are removed. */
async function updatePage(response: Response): Promise<void> {
  const cache = await caches.open(CACHE);
  const [cached, fresh] = await Promise.all([
    cache.match(PAGE).then((old) => old?.text()),
    response.clone().text(),
  ]);
  if (cached !== fresh) {
    const requests = await cache.keys();
    const assets = requests.filter(({ url }) => new URL(url).pathname.startsWith('/assets/'));
    await Promise.all(assets.map((one) => cache.delete(one)));
  }
  await cache.put(PAGE, response);
}

/** Returns an asset, from the cache if it is there: an asset never changes under its name. */
async function fetchAsset(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  const cached = await cache.match(request);
  if (cached !== undefined) return cached;
  const response = await fetch(request);
  if (response.ok) await cache.put(request, response.clone());
  return response;
}

/** Returns the server's file, or the cached one if the server cannot be reached. */
async function fetchAppFile(request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    const cached = await cache.match(request);
    if (cached === undefined) throw error;
    return cached;
  }
}
