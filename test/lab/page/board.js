// All experiments at a glance: what each attempt came to.
import { element } from './elements.js';

export const signs = { readable: '✓', refused: '✕', unsupported: '–' };

const columns = { with: 'with', without: 'without', refused: 'others' };

// boardView makes the board, a table for each group.
export function boardView(groups) {
  return element('section', { class: 'board', 'aria-labelledby': 'board-title' },
    element('h2', { id: 'board-title' }, 'At a glance'),
    element('p', { class: 'group-lead' }, 'What the page can read ', element('em', {}, 'with'), ' corsd and ', element('em', {}, 'without'),
      ', and what ', element('em', {}, 'others'), ' can: mostly a stranger’s page. ✓ is readable, ✕ is kept from the page.'),
    element('div', { class: 'tables' }, groups.map(tableOf)));
}

function tableOf(group) {
  return element('table', {},
    element('caption', {}, element('a', { href: '#group-' + group.id }, group.title)),
    element('thead', {}, element('tr', {},
      element('th', { scope: 'col' }, element('span', { class: 'unseen' }, 'Experiment')),
      Object.values(columns).map((title) => element('th', { scope: 'col' }, title)))),
    element('tbody', {}, group.cards.map(({ id, title, attempts }) => element('tr', {},
      element('th', { scope: 'row' }, element('a', { href: '#card-' + id }, title)),
      Object.keys(columns).map((name) => element('td', { 'data-cell': `${id} ${name}` }, attempts[name] ? '·' : ''))))));
}

// mark puts a result on the board.
export function mark(id, name, outcome) {
  const cell = document.querySelector(`[data-cell="${id} ${name}"]`);
  if (cell) {
    cell.dataset.outcome = outcome;
    cell.replaceChildren(element('span', { 'aria-hidden': 'true' }, signs[outcome]), element('span', { class: 'unseen' }, outcome));
  }
}
