// The view of a card.
import { codeOf } from './code.js';
import { element } from './elements.js';
import { policyIsShipped } from './policy.js';
import { expectedOf, profile, urlOf } from './run.js';
import { outcomeWords, signs, toneOf } from './tones.js';
import { consequence, exchangeView, wireView } from './wire.js';

const askers = { page: 'The shop’s page', stranger: 'A stranger’s page', sandbox: 'A sandboxed frame' };

const headings = {
  with: 'With corsd',
  without: 'As it is without corsd',
  refused: 'And what is not allowed',
  own: 'And for the shop’s own page',
  tainted: 'Without crossorigin',
};

const headingOf = (name, { from }) => (name === 'refused' && from === 'stranger' ? 'And for a stranger' : headings[name]);

const visible = new Set(['font', 'canvas', 'webgl', 'shape']);

// On wide screens the details of the first two attempts are open.
const roomy = matchMedia('(min-width: 44rem)').matches;

// cardView makes the view of a card that has not run. Its button calls run.
export function cardView(card, run) {
  const attempts = Object.entries(card.attempts);
  const note = card.notes?.[profile];
  return element('article', { id: 'card-' + card.id, class: 'card', 'data-state': 'idle', 'aria-labelledby': `title-${card.id}` },
    element('header', {},
      element('h3', { id: `title-${card.id}` }, element('a', { href: '#card-' + card.id }, card.title)),
      element('button', { type: 'button', onclick: () => run(card), 'aria-label': 'Run: ' + card.title }, 'Run')),
    element('p', { class: 'lesson' }, card.lesson),
    note && element('p', { class: 'lesson' }, note),
    element('pre', { class: 'code' }, element('code', {}, codeOf(card.attempts.with))),
    element('div', { class: 'attempts', 'data-count': attempts.length }, attempts.map(([name, attempt]) => attemptView(name, attempt, card))));
}

function attemptView(name, attempt, card) {
  const differs = name !== 'with' && codeOf({ ...attempt, to: 'api' }) !== codeOf({ ...card.attempts.with, to: 'api' });
  const heading = headingOf(name, attempt);
  const id = `attempt-${card.id}-${name}`;
  return element('section', { class: 'attempt', 'data-attempt': name, 'data-expected': expectedOf(attempt), 'aria-labelledby': id },
    element('h4', { id }, heading),
    element('p', { class: 'who' }, askers[attempt.from], ' asks ', element('code', {}, new URL(urlOf(attempt)).hostname)),
    differs ? element('pre', { class: 'code small' }, element('code', {}, codeOf(attempt))) : '',
    element('p', { class: 'outcome' }, 'Not asked yet'),
    visible.has(attempt.way) && attempt.from === 'page' ? element('div', { class: `stage ${attempt.way}` }) : '',
    element('div', { class: 'said' }),
    element('details', { class: 'more', open: roomy && (name === 'with' || name === 'without') },
      element('summary', {}, 'On the wire', named(heading, card)),
      element('div', { class: 'seen' })));
}

// named adds the card's name to a control, for screen readers.
const named = (heading, card) => element('span', { class: 'unseen' }, `: ${card.title}, ${heading}`);

// stageOf returns the element of a card in which an attempt shows its content.
export function stageOf(view, name) {
  return view.querySelector(`[data-attempt="${name}"] .stage`) ?? undefined;
}

// showResult shows the result of an attempt.
export function showResult(view, card, name, result) {
  const attempt = card.attempts[name];
  const section = view.querySelector(`[data-attempt="${name}"]`);
  section.dataset.outcome = result.outcome;
  section.dataset.tone = toneOf(attempt, result.outcome);
  section.querySelector('.outcome').replaceChildren(
    element('span', { class: 'sign', 'aria-hidden': 'true' }, signs[section.dataset.tone]), outcomeWords(attempt, result.outcome),
    result.status ? element('span', { class: 'status' }, String(result.status)) : '');
  section.querySelector('.said').replaceChildren(...said(attempt, result));
  replaceKept(section.querySelector('.seen'), seen(result, named(headingOf(name, attempt), card)));
}

// replaceKept replaces the parts of an element. Open details stay open, and the focus stays.
function replaceKept(place, parts) {
  const controls = () => [...place.querySelectorAll('summary, a, [tabindex]')];
  const open = [...place.querySelectorAll('details')].map((details) => details.open);
  const focused = controls().indexOf(document.activeElement);
  place.replaceChildren(...parts);
  place.querySelectorAll('details').forEach((details, i) => (details.open = open[i] ?? false));
  controls()[focused]?.focus({ preventScroll: true });
}

function said(attempt, result) {
  const asTaught = result.outcome === result.expected || result.outcome === 'unsupported';
  return [
    element('p', { class: 'detail' }, [result.detail, consequence(attempt, result)].join(' ')),
    result.words && element('p', { class: 'words' }, element('span', { class: 'label' }, 'The error that the page sees'), element('q', {}, result.words)),
    result.outcome === 'refused' && result.console &&
      element('p', { class: 'words' },
        element('span', { class: 'label' }, 'Chromium’s message in its console, which no page can read'), element('q', {}, result.console)),
    !asTaught && element('p', { class: 'astray' }, policyIsShipped()
      ? 'Not as described here. Does your browser differ?'
      : `Changed by your policy. As shipped it is: ${outcomeWords(attempt, result.expected).toLowerCase()}.`),
  ].filter(Boolean);
}

function seen(result, name) {
  return [
    wireView(result.exchanges),
    ...decisionParts(result),
    result.exchanges.length > 0 && element('details', {},
      element('summary', {}, 'All that Envoy saw', name),
      result.exchanges.map((exchange, n) => exchangeView(exchange, result.run, n))),
  ].filter(Boolean);
}

// means explains reasons.
const means = {
  origin_not_allowed: 'The origin that asks is not in the policy.',
  origin_null: 'The origin null is not allowed here.',
  method_not_allowed: 'The method is not in the policy.',
  header_not_allowed: 'A header is not in the policy.',
  authorization_not_listed: 'The header Authorization has to be in the policy by its name.',
  no_rule: 'No rule of the policy matches this path.',
  disabled: 'The policy is switched off here.',
};

// decisionParts returns corsd's decisions: the one that it refused, otherwise all.
function decisionParts({ exchanges }) {
  const asked = exchanges.filter((x) => x.verdict);
  const denied = asked.find((x) => x.verdict === 'deny');
  const shown = denied ?? asked.at(-1);
  const label = (text) => element('span', { class: 'label' }, text);
  if (!shown) {
    return [element('p', { class: 'decision none' }, label('corsd'), 'was not asked')];
  }
  if (shown.reason === 'no_policy') {
    return [element('p', { class: 'decision none' }, label('corsd'),
      'has no policy for this host, and changed nothing. Envoy can switch a filter off only where it finds a route, so it asked.')];
  }
  const about = denied ? [denied] : asked;
  const places = new Map(about.flatMap((x) => x.decision?.places ?? []).map((place) => [place.line, place]));
  const missing = shown.decision?.missing;
  return [
    element('p', { class: 'decision ' + shown.verdict },
      label(`corsd’s decision on the ${about.map(({ method }) => (method === 'OPTIONS' ? 'preflight' : method)).join(' and on the ')}, by policy ${shown.policy}${shown.rule ? `, rule ${shown.rule}` : ''}`),
      element('b', {}, shown.reason), means[shown.reason] ? ` ${means[shown.reason]}` : '', missing ? ` Missing: ${missing.join(', ')}.` : ''),
    places.size > 0 && element('div', { class: 'place' },
      label(places.size > 1 ? 'the lines that decided' : 'the line that decided'),
      [...places.values()].map(({ file, line, text }) => element('p', {},
        element('a', { href: `#policy-line-${line}` }, `${file.split('/').at(-1)}:${line}`), ' ', element('code', {}, text)))),
  ];
}
