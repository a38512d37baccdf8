/**
 * The service worker: keeps the page itself, so that it opens without a network and says so in
 * its own words. It answers for the page and its assets alone. What goes to the server's API is
 * none of its business and never kept; nor is any address of a room: every page is kept as `/`.
 */

interface ExtendableEvent extends Event {
  waitUntil(promise: Promise<unknown>): void;
}

interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

const SHELL = 'shell';
const PAGE = '/';
/** Beside the page and its assets, what an installed app is made of. */
const KEPT = new Set(['/manifest.webmanifest', '/favicon.svg', '/icon-192.png', '/icon-512.png']);

addEventListener('install', (event) => {
  (event as ExtendableEvent).waitUntil(keepPage());
});

addEventListener('fetch', (event) => {
  const fetched = event as FetchEvent;
  const { request } = fetched;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== location.origin) return;
  if (request.mode === 'navigate') fetched.respondWith(page(fetched));
  else if (pathname.startsWith('/assets/')) fetched.respondWith(asset(request));
  else if (KEPT.has(pathname)) fetched.respondWith(newest(request));
});

async function keepPage(): Promise<void> {
  const cache = await caches.open(SHELL);
  await cache.add(new Request(PAGE, { cache: 'reload' }));
}

/** The server's page; the kept one when there is no server. */
async function page(event: FetchEvent): Promise<Response> {
  try {
    const response = await fetch(event.request);
    if (response.ok && (response.headers.get('content-type') ?? '').startsWith('text/html')) {
      event.waitUntil(keep(response.clone()));
    }
    return response;
  } catch (error) {
    const kept = await caches.match(PAGE, { cacheName: SHELL });
    if (kept === undefined) throw error;
    return kept;
  }
}

/** Keeps a page; with a new one, the assets of the old one are forgotten. */
async function keep(response: Response): Promise<void> {
  const cache = await caches.open(SHELL);
  const [kept, fresh] = await Promise.all([
    cache.match(PAGE).then((old) => old?.text()),
    response.clone().text(),
  ]);
  if (kept !== fresh) {
    const requests = await cache.keys();
    const assets = requests.filter(({ url }) => new URL(url).pathname.startsWith('/assets/'));
    await Promise.all(assets.map((one) => cache.delete(one)));
  }
  await cache.put(PAGE, response);
}

/** An asset never changes under its name. */
async function asset(request: Request): Promise<Response> {
  const cache = await caches.open(SHELL);
  const kept = await cache.match(request);
  if (kept !== undefined) return kept;
  const response = await fetch(request);
  if (response.ok) await cache.put(request, response.clone());
  return response;
}

async function newest(request: Request): Promise<Response> {
  const cache = await caches.open(SHELL);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(request);
    if (kept === undefined) throw error;
    return kept;
  }
}
