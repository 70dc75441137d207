// All experiments at a glance: the outcome of each attempt.
import { element } from './elements.js';
import { outcomeWords, signs, toneOf } from './tones.js';

const columns = { with: 'with', without: 'without', others: 'others' };

// columnOf returns the column of an attempt. A fourth attempt has none.
const columnOf = (name) => (name === 'refused' || name === 'own' ? 'others' : name);

// boardView makes the board, a table for each group.
export function boardView(groups) {
  return element('section', { class: 'board', 'aria-labelledby': 'board-title' },
    element('h2', { id: 'board-title' }, 'At a glance'),
    element('p', { class: 'group-lead' }, 'What comes of each experiment ', element('em', {}, 'with'), ' corsd and ', element('em', {}, 'without'),
      ', and for ', element('em', {}, 'others'), ', mostly a stranger’s page. ',
      legend('good', 'read, as it should be; '), legend('bad', 'kept from a page that wants it; '), legend('kept', 'kept, and rightly; '),
      legend('leak', 'a stranger can read it. Blank is not tried.')),
    element('div', { class: 'tables' }, groups.map(tableOf)));
}

const legend = (tone, words) => [element('span', { class: 'sign', 'data-tone': tone, 'aria-hidden': 'true' }, signs[tone]), ' ', words];

function tableOf(group) {
  return element('table', {},
    element('caption', {}, element('a', { href: '#group-' + group.id }, group.title)),
    element('thead', {}, element('tr', {},
      element('th', { scope: 'col' }, element('span', { class: 'unseen' }, 'Experiment')),
      Object.values(columns).map((title) => element('th', { scope: 'col' }, title)))),
    element('tbody', {}, group.cards.map(({ id, title, attempts }) => {
      const tried = Object.keys(attempts).map(columnOf);
      return element('tr', {},
        element('th', { scope: 'row' }, element('a', { href: '#card-' + id }, title)),
        Object.keys(columns).map((column) => element('td', { 'data-cell': `${id} ${column}` }, tried.includes(column) ? '·' : '')));
    })));
}

// mark shows a result on the board.
export function mark(id, name, attempt, outcome) {
  const cell = document.querySelector(`[data-cell="${id} ${columnOf(name)}"]`);
  if (cell) {
    cell.dataset.tone = toneOf(attempt, outcome);
    cell.replaceChildren(
      element('span', { 'aria-hidden': 'true' }, signs[cell.dataset.tone]), element('span', { class: 'unseen' }, outcomeWords(attempt, outcome)));
  }
}
