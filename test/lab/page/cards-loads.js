import { consoles, withAndWithout } from './card.js';

const picture = { path: '/assets/sun.png' };
const plain = { options: { plain: true }, from: 'page', console: '' }; // no crossorigin: no CORS, and no reading

export const assets = [
  {
    id: 'font',
    title: 'A web font',
    lesson:
      'Fonts always load by CORS, in @font-face and from scripts alike, even though text in them is only looked at. ' +
      'Foundries sell fonts by the site, so the rule from the start was that a font serves its own origin, and others by permission.',
    attempts: withAndWithout({ way: 'font', path: '/assets/small-caps.ttf' }),
  },
  {
    id: 'canvas',
    title: 'A picture, read back from a canvas',
    lesson:
      'Any page may show a foreign picture, but its pixels can be read only if it was loaded by CORS, with the attribute crossorigin. ' +
      'A picture can be your account’s chart or a scanned letter; showing it to you is harmless, handing it to the page is not.',
    attempts: {
      ...withAndWithout({ way: 'canvas', ...picture }),
      tainted: { ...picture, way: 'canvas', to: 'api', expected: 'refused', ...plain },
    },
  },
  {
    id: 'webgl',
    title: 'A picture as a WebGL texture',
    lesson:
      'WebGL takes a foreign picture only if CORS allows reading it; a 2D canvas would still draw it and only refuse to give it back. ' +
      'A shader can be timed, and by its time it tells the colours that it sees: drawing is reading.',
    attempts: {
      ...withAndWithout({ way: 'webgl', ...picture }, { refused: { from: 'stranger' } }),
      tainted: { ...picture, way: 'webgl', to: 'api', expected: 'refused', ...plain },
    },
  },
  {
    id: 'shape',
    title: 'shape-outside, from a picture',
    lesson:
      'CSS can let text flow around the outline of a picture, and then the browser loads that picture by CORS. ' +
      'The page can measure where its lines begin, so it could read the outline off the layout.',
    attempts: withAndWithout({ way: 'shape', path: '/assets/wedge.png' }),
  },
  {
    id: 'module',
    title: 'A module script',
    lesson:
      'A classic script may come from anywhere; import and <script type="module"> load by CORS. ' +
      'Classic scripts showed how much leaks when any page can run a foreign file, and modules were made without that hole.',
    attempts: withAndWithout({ way: 'module', path: '/assets/greeting.js' }),
  },
];

export const streams = [
  {
    id: 'events',
    title: 'Server-sent events',
    lesson:
      'EventSource is a GET whose answer does not end, and it is judged when its head arrives. ' +
      'When CORS refuses it the browser does not try again: the connection is closed for good, and the page gets an error event.',
    attempts: withAndWithout({ way: 'events', path: '/events', options: { withCredentials: true } }),
  },
  {
    id: 'websocket',
    title: 'A WebSocket',
    lesson:
      'CORS does not govern WebSockets: the browser sends Origin and your cookies, and whether it looks is up to the server. ' +
      'Few do, so a stranger’s page can talk in your name; corsd refuses its handshake where the policy says originCheck, except in the profile lean, which cannot.',
    attempts: withAndWithout(
      { way: 'socket', path: '/chat' },
      {
        without: { from: 'stranger', expected: 'readable', console: '' },
        refused: { expected: { lean: 'readable', else: 'refused' }, console: 'Unexpected response code: 403' },
      },
    ),
  },
  {
    id: 'grpc-web',
    title: 'gRPC-Web',
    lesson:
      'A gRPC call from a page is a POST with its own content type, so it needs a preflight, and its result is in headers that must be exposed. ' +
      'The policy’s preset grpc-web knows their names; without them a failed call looks like one without a status.',
    attempts: withAndWithout(
      { way: 'grpc', path: '/grpc.health.v1.Health/Check' },
      { without: { console: consoles.preflightNoOrigin }, refused: { console: consoles.preflightNoOrigin } },
    ),
  },
];
