import { withAndWithout } from './card.js';

const picture = { path: '/assets/sun.png' };
const plain = { options: { plain: true }, from: 'page', meant: false, keeps: 'The pixels are kept from the page' }; // without crossorigin: no CORS, and the page cannot read it

export const assets = [
  {
    id: 'font',
    title: 'A web font',
    lesson:
      'Fonts always load with CORS, in @font-face and from scripts alike, even though text in them is only looked at. ' +
      'Foundries sell fonts by the site, so the rule from the start was that a font serves its own origin, and others by permission.',
    attempts: withAndWithout({ way: 'font', path: '/assets/small-caps.ttf' }),
  },
  {
    id: 'canvas',
    title: 'A picture, read back from a canvas',
    lesson:
      'Any page may show a foreign picture, but its pixels can be read only if it was loaded with CORS, by the attribute crossorigin. ' +
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
      'WebGL accepts a foreign picture only if CORS allows reading it; a 2D canvas would still draw it and only refuse to return its pixels. ' +
      'A page can measure how long a shader runs, and that time reveals the colours of the picture: drawing is reading.',
    attempts: {
      ...withAndWithout({ way: 'webgl', ...picture }, { refused: { from: 'stranger' } }),
      tainted: { ...picture, way: 'webgl', to: 'api', expected: 'refused', ...plain },
    },
  },
  {
    id: 'shape',
    title: 'shape-outside, from a picture',
    lesson:
      'CSS can let text flow around the outline of a picture, and then the browser loads that picture with CORS. ' +
      'The page can measure where its lines begin, so it could read the outline off the layout.',
    attempts: withAndWithout({ way: 'shape', path: '/assets/wedge.png' }),
  },
  {
    id: 'module',
    title: 'A module script',
    lesson:
      'A classic script may come from anywhere; import and <script type="module"> load with CORS. ' +
      'Classic scripts showed how much leaks when any page can run a foreign file, and modules were made without that hole.',
    attempts: withAndWithout({ way: 'module', path: '/assets/greeting.js' }),
  },
];

const chat = { way: 'socket', path: '/chat' };

export const streams = [
  {
    id: 'events',
    title: 'Server-sent events',
    lesson:
      'EventSource is a GET whose answer does not end, and it is judged when its head arrives. ' +
      'When CORS refuses it, browsers do not try again: the connection is closed for good, and the page gets an error event.',
    attempts: withAndWithout({ way: 'events', path: '/events', options: { withCredentials: true } }),
  },
  {
    id: 'websocket',
    title: 'A WebSocket, from a stranger’s page',
    lesson:
      'CORS does not govern WebSockets: the browser opens one from any page, says which page in Origin, and may send your cookies; whether that is right is for the server to check. ' +
      'Many do not, so a stranger’s page can talk in your name; corsd refuses its handshake where the policy says originCheck.',
    attempts: {
      with: { ...chat, from: 'stranger', to: 'api', expected: 'refused' },
      without: { ...chat, from: 'stranger', to: 'bare', expected: 'readable' },
      own: { ...chat, from: 'page', to: 'api', expected: 'readable' },
    },
  },
  {
    id: 'grpc-web',
    title: 'gRPC-Web',
    lesson:
      'A gRPC call from a page is a POST with its own content type, so it needs a preflight, and its result is in headers that must be exposed. ' +
      'The policy’s preset grpc-web knows their names; without them the page cannot see the status.',
    attempts: withAndWithout({ way: 'grpc', path: '/grpc.health.v1.Health/Check' }),
  },
];
