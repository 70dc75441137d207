// What a card looks like.
import { signs } from './board.js';
import { codeOf } from './code.js';
import { element } from './elements.js';
import { consequence, exchangeView, wireView } from './wire.js';
import { expectedOf, urlOf } from './run.js';

const askers = { page: 'The shop’s page', stranger: 'A stranger’s page', sandbox: 'A sandboxed frame' };

const headings = {
  with: 'With corsd',
  without: 'As it is without corsd',
  refused: 'And what is not allowed',
  tainted: 'Without crossorigin',
};

const outcomes = {
  readable: 'The page can read it',
  refused: 'Kept from the page',
  unsupported: 'This browser cannot try it',
};

const visible = new Set(['font', 'canvas', 'webgl', 'shape']);

// cardView makes a card that has not run. run is called when someone wants it to.
export function cardView(card, run) {
  const attempts = Object.entries(card.attempts);
  return element('article', { id: 'card-' + card.id, class: 'card', 'data-state': 'idle', 'aria-labelledby': `title-${card.id}` },
    element('header', {},
      element('h3', { id: `title-${card.id}` }, element('a', { href: '#card-' + card.id }, card.title)),
      element('button', { type: 'button', onclick: () => run(card), 'aria-label': 'Run: ' + card.title }, 'Run')),
    element('p', { class: 'lesson' }, card.lesson),
    element('pre', { class: 'code' }, element('code', {}, codeOf(card.attempts.with))),
    element('div', { class: 'attempts', 'data-count': attempts.length }, attempts.map(([name, attempt]) => attemptView(name, attempt, card))));
}

function attemptView(name, attempt, card) {
  const differs = name !== 'with' && codeOf({ ...attempt, to: 'api' }) !== codeOf({ ...card.attempts.with, to: 'api' });
  return element('section', { class: 'attempt', 'data-attempt': name, 'data-expected': expectedOf(attempt) },
    element('h4', {}, name === 'refused' && attempt.from === 'stranger' ? 'And for a stranger' : headings[name]),
    element('p', { class: 'who' }, askers[attempt.from], ' asks ', element('code', {}, new URL(urlOf(attempt)).hostname)),
    differs ? element('pre', { class: 'code small' }, element('code', {}, codeOf(attempt))) : '',
    element('p', { class: 'outcome' }, 'Not asked yet'),
    visible.has(attempt.way) && attempt.from === 'page' ? element('div', { class: `stage ${attempt.way}` }) : '',
    element('div', { class: 'result' }));
}

// stageOf is the place of a card where an attempt shows what it loads.
export function stageOf(view, name) {
  return view.querySelector(`[data-attempt="${name}"] .stage`) ?? undefined;
}

// showResult fills in what came of an attempt.
export function showResult(view, name, result) {
  const section = view.querySelector(`[data-attempt="${name}"]`);
  section.dataset.outcome = result.outcome;
  section.querySelector('.outcome').replaceChildren(
    element('span', { class: 'sign', 'aria-hidden': 'true' }, signs[result.outcome]), outcomes[result.outcome],
    result.status ? element('span', { class: 'status' }, String(result.status)) : '');
  section.querySelector('.result').replaceChildren(...resultParts(result));
}

function resultParts(result) {
  const asTaught = result.outcome === result.expected || result.outcome === 'unsupported';
  const said = [
    element('p', { class: 'detail' }, [result.detail, consequence(result)].join(' ')),
    result.words && element('p', { class: 'words' }, element('span', { class: 'label' }, 'Your browser tells the page'), element('q', {}, result.words)),
    result.outcome === 'refused' && result.console &&
      element('p', { class: 'words' }, element('span', { class: 'label' }, 'and Chromium its console, which no page can read'), element('q', {}, result.console)),
    !asTaught && element('p', { class: 'astray' }, 'Not what this card teaches: the policy has been changed, or your browser differs.'),
  ];
  const seen = [
    wireView(result.exchanges),
    ...decisionParts(result),
    result.exchanges.length > 0 && element('details', {},
      element('summary', {}, 'All that Envoy saw'),
      result.exchanges.map((exchange, n) => exchangeView(exchange, result.run, n))),
  ];
  return [said, seen].map((parts) => element('div', {}, parts.filter(Boolean)));
}

// decisionParts tell what corsd said: of what it refused, else of what came last.
function decisionParts({ exchanges }) {
  const asked = exchanges.filter((x) => x.verdict);
  const told = asked.find((x) => x.verdict === 'deny') ?? asked.at(-1);
  if (!told) {
    return [element('p', { class: 'decision none' }, element('span', { class: 'label' }, 'corsd'), 'was not asked')];
  }
  const { place } = told.decision ?? {};
  return [
    element('p', { class: 'decision ' + told.verdict },
      element('span', { class: 'label' }, 'corsd says'), element('b', {}, told.reason),
      ` to ${told.method}, by policy ${told.policy || 'none'}${told.rule ? `, rule ${told.rule}` : ''}`,
      told.decision?.missing ? `; missing: ${told.decision.missing.join(', ')}` : ''),
    place && element('p', { class: 'place' },
      element('span', { class: 'label' }, 'the line that decided'),
      element('a', { href: `#policy-line-${place.line}` }, `${place.file.split('/').at(-1)}:${place.line}`), ' ',
      element('code', {}, place.text)),
  ];
}
