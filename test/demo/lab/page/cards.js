// The cards of the lab. Each card teaches in two sentences, and has attempts:
//
//   from      the sender: "page", "stranger" (another site) or "sandbox" (no origin)
//   to        the origin that receives the request; path is its path
//   way       a function of attempts.js, with options
//   expected  the outcome, or one for each profile that differs
//   meant     whether the sender should be able to read the content; default: the page is, others are not
//   keeps     the words for a refusal, if it does not refuse the whole response
//
// "with" and "without" differ only in corsd. Each of a card's notes is about one profile.
import { errors, reading } from './cards-answers.js';
import { asking, errands } from './cards-preflights.js';
import { assets, streams } from './cards-loads.js';

export const groups = [
  {
    id: 'reading', title: 'Reading an answer', cards: reading,
    lead: 'What a form could send, a page may send to any origin. CORS decides whether it may read what comes back.',
  },
  {
    id: 'asking', title: 'Asking first', cards: asking,
    lead: 'What an HTML form could not send, the browser asks about before it sends it: the preflight.',
  },
  {
    id: 'errands', title: 'Detours', cards: errands,
    lead: 'Redirects, pages without an origin, and APIs that have never heard of CORS.',
  },
  {
    id: 'errors', title: 'Errors that a page can read', cards: errors,
    lead: 'The answers that no application saw are the ones that usually lack CORS headers, just when a page needs to know what is wrong.',
  },
  {
    id: 'assets', title: 'What pages load', cards: assets,
    lead: 'A page may show pictures and run classic scripts from anywhere. Fonts, module scripts, and pictures that it wants to read load with CORS.',
  },
  {
    id: 'streams', title: 'Streams and calls', cards: streams,
    lead: 'Connections that stay open, and calls in another protocol than plain HTTP.',
  },
];

export const cards = groups.flatMap((group) => group.cards);
