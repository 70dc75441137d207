// What the lab shows. Each card teaches in two sentences, and has attempts:
//
//   from      who tries: "page", "stranger" (another site) or "sandbox" (no origin)
//   to        which origin is asked, and path
//   way       how, see attempts.js, with options
//   expected  the outcome, or one for each profile that differs
//   console   what Chromium is to say in its console, which no page can read
//
// "with" and "without" are the same attempt, but for corsd.
import { errors, reading } from './cards-answers.js';
import { asking, errands } from './cards-preflights.js';
import { assets, streams } from './cards-loads.js';

export const groups = [
  {
    id: 'reading', title: 'Reading an answer', cards: reading,
    lead: 'A page may send requests to any origin. CORS decides whether it may read what comes back.',
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
    lead: 'Fonts, pictures and scripts load by CORS as soon as a page could learn their content.',
  },
  {
    id: 'streams', title: 'Streams and calls', cards: streams,
    lead: 'Connections that stay open, and calls in another protocol than plain HTTP.',
  },
];

export const cards = groups.flatMap((group) => group.cards);
