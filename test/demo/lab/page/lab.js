// The page. doc.go describes its functions for programs.
import { boardView, mark } from './board.js';
import { cards, groups } from './cards.js';
import { element } from './elements.js';
import { followPolicy, policyIsShipped } from './policy.js';
import { cardView, showResult, stageOf } from './view.js';
import { origins } from './origins.js';
import { config, profile, runAttempt } from './run.js';

const views = new Map();
const results = new Map();
const summary = document.getElementById('summary');
const progress = document.getElementById('progress');
const runAllButton = document.getElementById('run-all');

// run runs all attempts of a card at once, and returns their results.
async function run(card) {
  const view = views.get(card.id);
  setState(view, 'running');
  try {
    const names = Object.keys(card.attempts);
    const all = await Promise.all(names.map((name) => runAttempt(card.attempts[name], stageOf(view, name))));
    names.forEach((name, i) => {
      showResult(view, card, name, all[i]);
      mark(card.id, name, card.attempts[name], all[i].outcome);
    });
    results.set(card.id, all);
    setState(view, 'done');
    return { id: card.id, ...Object.fromEntries(names.map((name, i) => [name, all[i]])) };
  } catch (error) {
    setState(view, 'idle');
    throw error;
  }
}

function setState(view, state) {
  view.dataset.state = state;
  view.setAttribute('aria-busy', String(state === 'running'));
}

// tell shows the result of a promise, or its error if the lab does not respond.
async function tell(promise) {
  try {
    summary.textContent = await promise;
  } catch {
    summary.textContent = 'The lab does not answer; is it still running?';
  }
}

async function runAndSay(card) {
  const result = await run(card);
  const words = { with: 'with corsd', without: 'without', refused: 'for others', own: 'for the shop’s own page', tainted: 'without crossorigin' };
  return `${card.title}: ${Object.keys(card.attempts).map((name) => `${words[name]} ${result[name].outcome}`).join(', ')}.`;
}

// runAll runs every card, one after the other. A second call ends the first run.
let current = 0;
async function runAll() {
  const mine = ++current;
  runAllButton.setAttribute('aria-disabled', 'true');
  summary.textContent = 'Running …';
  try {
    for (const [i, card] of cards.entries()) {
      progress.textContent = `${i} of ${cards.length}`;
      await run(card);
      if (mine !== current) {
        return summary.textContent; // the other run's
      }
    }
    return tally();
  } finally {
    if (mine === current) {
      progress.textContent = '';
      runAllButton.removeAttribute('aria-disabled');
    }
  }
}

function tally() {
  const otherwise = [...results.values()].filter((all) => all.some((r) => r.outcome !== r.expected && r.outcome !== 'unsupported')).length;
  if (otherwise === 0) {
    return `All ${cards.length} experiments came out as described.`;
  }
  return policyIsShipped()
    ? `${otherwise} of ${cards.length} experiments did not come out as described.`
    : `${otherwise} of ${cards.length} experiments changed by your policy.`;
}

function build() {
  document.getElementById('cards').append(boardView(groups));
  document.getElementById('contents').append(element('li', {}, element('a', { href: '#board-title' }, 'At a glance')));
  for (const group of groups) {
    const section = element('section', { class: 'group', 'aria-labelledby': 'group-' + group.id },
      element('h2', { id: 'group-' + group.id }, group.title), element('p', { class: 'group-lead' }, group.lead));
    for (const card of group.cards) {
      views.set(card.id, cardView(card, (it) => tell(runAndSay(it))));
      section.append(views.get(card.id));
    }
    document.getElementById('cards').append(section);
    const entries = group.cards.map(({ id, title }) => element('li', {}, element('a', { href: '#card-' + id }, title)));
    document.getElementById('contents').append(
      element('li', {}, element('a', { href: '#group-' + group.id }, group.title), element('ol', {}, entries)));
  }
  document.getElementById('contents').append(element('li', {}, element('a', { href: '#policy' }, 'The policy')));
  for (const slot of document.querySelectorAll('[data-origin]')) {
    slot.textContent = new URL(origins[slot.dataset.origin]).host;
  }
  const rows = { ...origins, profile: `${profile} (${config})` };
  document.getElementById('origins').append(
    ...Object.entries(rows).filter(([name]) => name !== 'sandbox').flatMap(([name, value]) => [element('dt', {}, names[name]), element('dd', {}, element('code', {}, value))]));
}

const names = {
  page: 'This page', stranger: 'A stranger’s page', api: 'The API, through corsd', bare: 'The API, corsd disabled',
  weather: 'An API of someone else, through corsd', bareWeather: 'The same, corsd disabled', profile: 'Envoy asks corsd by',
};

build();
const manual = new URLSearchParams(location.search).has('manual');
window.lab = {
  ready: Promise.resolve(),
  cards: cards.map(({ id, title, attempts }) => ({ id, title, attempts: Object.keys(attempts) })),
  run: (id) => run(cards.find((card) => card.id === id)),
};
runAllButton.addEventListener('click', () => runAllButton.getAttribute('aria-disabled') || tell(runAll()));
summary.textContent = manual ? 'Ready.' : summary.textContent;
followPolicy(() => tell(runAll()));
if (!manual) {
  tell(runAll());
}
