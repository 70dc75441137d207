import { withAndWithout } from './card.js';

export const reading = [
  {
    id: 'simple',
    title: 'A simple request',
    lesson:
      'The browser sends this GET at once, and the application answers; then the browser gives the answer to the page only if its Access-Control-Allow-Origin names the page’s origin, or is *. ' +
      'Otherwise any site that you visit could read, as you, whatever your browser can reach: your bank, your intranet, your router.',
    attempts: withAndWithout({ way: 'fetch', path: '/articles/7' }),
  },
  {
    id: 'xhr',
    title: 'XMLHttpRequest',
    lesson:
      'The older way to ask is under the same rule as fetch, and fails with less to go on: an error event and the status 0. ' +
      'The browser hides the status on purpose, since already “404 or 200?” would tell a stranger something about you.',
    attempts: withAndWithout({ way: 'xhr', path: '/articles/7' }),
  },
  {
    id: 'credentials',
    title: 'A request with a cookie',
    lesson:
      'With credentials the answer is yours personally, so it must name the origin exactly and say Access-Control-Allow-Credentials: true; * is not enough. ' +
      'This application says * and true, as many do: the browser refuses that pair, because it would open every user’s data to every site.',
    attempts: withAndWithout({ way: 'fetch', path: '/me', options: { credentials: 'include' } }),
  },
  {
    id: 'exposed',
    title: 'A response header',
    lesson:
      'Even of an answer that it may read, a page sees seven harmless headers only; any other has to be named in Access-Control-Expose-Headers. ' +
      'Headers often say more than the body does, about servers, caches and sessions, so each is opened by name: X-Total is, X-Served-By is not.',
    attempts: withAndWithout(
      { way: 'fetch', path: '/catalogue', options: { reads: 'X-Total' }, keeps: 'The header is kept from the page' },
      { refused: { from: 'page', options: { reads: 'X-Served-By' }, meant: false } },
    ),
  },
  {
    id: 'public',
    title: 'An answer for everyone',
    lesson:
      'Access-Control-Allow-Origin: * lets every page read, and goes only without credentials. ' +
      'It is right for what anyone on the internet could fetch with curl, without signing in, since then a stranger’s page learns nothing that the stranger does not know.',
    attempts: withAndWithout(
      { way: 'fetch', path: '/public/7' },
      { refused: { expected: 'readable', meant: true } },
    ),
  },
  {
    id: 'careless',
    title: 'An application that says too much',
    lesson:
      'This application answers everyone with Access-Control-Allow-Origin: *, and here it should not. ' +
      'Envoy removes the application’s CORS headers and corsd adds those of the policy, so the stranger reads the invoices only without corsd.',
    attempts: {
      with: { from: 'stranger', to: 'api', way: 'fetch', path: '/invoices', expected: 'refused' },
      without: { from: 'stranger', to: 'bare', way: 'fetch', path: '/invoices', expected: 'readable' },
    },
  },
];

// A page can read Envoy's own responses, too, if they have the headers.
const answerOf = (status, path, title, lesson, more, notes) => ({
  id: `status-${status}`, title, lesson, notes, attempts: withAndWithout({ way: 'fetch', path }, more),
});

export const errors = [
  answerOf('401', '/admin', '401: please sign in',
    'Authentication in Envoy refuses before the application is asked, so nobody has put CORS headers on this 401 but corsd. ' +
      'With them the page sees the status and can send its user to sign in; without them it sees “Failed to fetch”, like a broken network.'),
  answerOf('404', '/nowhere', '404: there is no route',
    'Where Envoy has no route there is no application either, and yet the page wants to know that it asked for the wrong thing. ' +
      'corsd comes before the routes, so it also answers for what is not there.',
    { with: { expected: { ext_authz: 'refused', else: 'readable' } } },
    { ext_authz: 'In the profile ext_authz, which runs here, Envoy does not ask corsd where it has no route.' }),
  answerOf('429', '/limited', '429: slow down',
    'A page that can read this status can wait and try again; one that cannot will try again at once. ' +
      'Envoy answers before the application hears of it; here it finds every request one too many.'),
  answerOf('503', '/unreachable', '503: the application is down',
    'When the application cannot be reached, Envoy answers in its place, and that answer needs CORS headers too. ' +
      'Otherwise every outage looks to the page’s developers like a CORS fault, and they search in the wrong place.'),
];
