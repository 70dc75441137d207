import { withAndWithout } from './card.js';

const json = { 'Content-Type': 'application/json' };

const change = (method) => ({ way: 'fetch', path: '/articles/7', options: { method } });

export const asking = [
  {
    id: 'preflighted',
    title: 'JSON in a POST',
    lesson:
      'No form can send application/json, so the browser first asks with OPTIONS whether this page may; POST itself needs no permission, since forms send it too. ' +
      'Servers from before CORS rely on never getting such a request from a foreign page, and the question keeps that promise.',
    attempts: withAndWithout({ way: 'fetch', path: '/articles/7', options: { method: 'POST', headers: json, body: '{"stock": 4}' } }),
  },
  {
    id: 'header',
    title: 'A custom request header',
    lesson:
      'A request with a custom header is asked about by name, and each name must be in Access-Control-Allow-Headers. ' +
      'The third attempt sends X-Debug, which the policy does not list: the browser’s console names it, because corsd answers with the list.',
    attempts: withAndWithout(
      { way: 'fetch', path: '/articles/7', options: { headers: { 'X-Trace': 'abc' } } },
      { refused: { from: 'page', options: { headers: { 'X-Debug': '1' } }, meant: false } },
    ),
  },
  {
    id: 'put',
    title: 'PUT',
    lesson:
      'PUT changes things and no form can send it, so the browser asks about it first, and does not send it at all unless the answer lists it. ' +
      'That differs from a simple request: here a stranger’s request never reaches the application.',
    attempts: withAndWithout(change('PUT')),
  },
  {
    id: 'patch',
    title: 'PATCH, which this policy does not allow',
    lesson:
      'As shipped, allowMethods has GET, PUT and DELETE, so the preflight for PATCH is answered without it, and the browser does not send the PATCH. ' +
      'Add PATCH to the policy file and save: this card will turn.',
    attempts: withAndWithout(change('PATCH'), { with: { expected: 'refused' } }),
  },
  {
    id: 'delete',
    title: 'DELETE',
    lesson:
      'DELETE needs a preflight like PUT, for each URL; the browser may cache the answer for the time in Access-Control-Max-Age. ' +
      'corsd answers the question at the gateway, before authentication, since a preflight never carries a cookie or a token.',
    attempts: withAndWithout(change('DELETE')),
  },
];

export const errands = [
  {
    id: 'redirect',
    title: 'A redirect',
    lesson:
      'Every answer on the way is judged, the redirect itself too: without CORS headers on the 302 the browser does not follow it. ' +
      'Where a redirect leads can be a secret, such as a signed link, so it must not leak by being followed.',
    attempts: withAndWithout({ way: 'fetch', path: '/moved' }),
  },
  {
    id: 'redirect-away',
    title: 'A redirect to another origin',
    lesson:
      'When a redirect leads from one foreign origin to another, the browser sends Origin: null from there on, because the first server chose the next address, and not the page alone. ' +
      'So a policy that lists the page refuses it, and rightly: the second server cannot know who sent it there.',
    attempts: withAndWithout({ way: 'fetch', path: '/moved-away', expected: 'refused', meant: false }, { refused: null }),
  },
  {
    id: 'null-origin',
    title: 'A sandboxed frame',
    lesson:
      'A frame with the attribute sandbox, and without allow-same-origin in it, has an origin that nobody can name, and the browser writes Origin: null; any site can make such a frame. ' +
      'A policy can allow null for what is public, and corsd refuses to load one that allows it with credentials.',
    attempts: withAndWithout(
      { from: 'sandbox', way: 'fetch', path: '/embed/7', meant: true },
      { refused: { from: 'sandbox', path: '/articles/7', meant: false } },
    ),
  },
  {
    id: 'third-party',
    title: 'An API of someone else',
    lesson:
      'This weather service sends no CORS header, and you cannot change it, so no page can read it directly. ' +
      'Behind your own gateway it gets a policy like any other API of yours, without a proxy written for it.',
    attempts: withAndWithout({ to: 'weather', way: 'fetch', path: '/today' }, { without: { to: 'bareWeather' } }),
  },
];
