// The page. See doc.go for what it offers to programs.
import { boardView, mark } from './board.js';
import { cards, groups } from './cards.js';
import { element } from './elements.js';
import { followPolicy } from './policy.js';
import { cardView, showResult, stageOf } from './view.js';
import { origins } from './origins.js';
import { config, profile, runAttempt } from './run.js';

const views = new Map();
const results = new Map();
const summary = document.getElementById('summary');
const runAllButton = document.getElementById('run-all');

// run runs all attempts of a card at once, and gives their results.
async function run(card) {
  const view = views.get(card.id);
  view.dataset.state = 'running';
  const names = Object.keys(card.attempts);
  const all = await Promise.all(names.map((name) => runAttempt(card.attempts[name], stageOf(view, name))));
  names.forEach((name, i) => {
    showResult(view, name, all[i]);
    mark(card.id, name, all[i].outcome);
  });
  view.dataset.state = 'done';
  const result = { id: card.id, ...Object.fromEntries(names.map((name, i) => [name, all[i]])) };
  results.set(card.id, all);
  return result;
}

async function runAndSay(card) {
  const { with: through, without } = await run(card);
  summary.textContent = `${card.title}: with corsd ${through.outcome}, without ${without.outcome}. ${tally()}`;
}

// runAll runs every card, one after the other. Who asks again meanwhile gets the new run.
let current = 0;
async function runAll() {
  const mine = ++current;
  runAllButton.disabled = true;
  for (const [i, card] of cards.entries()) {
    if (mine !== current) {
      return;
    }
    summary.textContent = i % 5 === 0 ? `Running: ${i} of ${cards.length}` : summary.textContent;
    await run(card);
  }
  summary.textContent = tally();
  runAllButton.disabled = false;
}

function tally() {
  const asTaught = [...results.values()].filter((all) => all.every((r) => r.outcome === r.expected || r.outcome === 'unsupported'));
  return `${asTaught.length} of ${cards.length} experiments went as they teach.`;
}

function build() {
  document.getElementById('cards').append(boardView(groups));
  document.getElementById('contents').append(element('li', {}, element('a', { href: '#board-title' }, 'At a glance')));
  for (const group of groups) {
    const section = element('section', { class: 'group', 'aria-labelledby': 'group-' + group.id },
      element('h2', { id: 'group-' + group.id }, group.title), element('p', { class: 'group-lead' }, group.lead));
    for (const card of group.cards) {
      views.set(card.id, cardView(card, runAndSay));
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
runAllButton.addEventListener('click', runAll);
runAllButton.disabled = false;
summary.textContent = manual ? 'Ready.' : summary.textContent;
followPolicy(runAll);
if (!manual) {
  runAll();
}
