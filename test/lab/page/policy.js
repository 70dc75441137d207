// Follows the policy file.
import { element } from './elements.js';

const find = (id) => document.getElementById(id);

const states = {
  live: 'Live: this is what decides',
  pending: 'Changed; corsd has not read it yet',
  refused: 'Refused: the last good policy stays live',
};

const badges = { live: 'Policy: live', pending: 'Policy: changing', refused: 'Policy: change refused' };

// followPolicy shows the policy, and calls changed each time that another one is live.
export async function followPolicy(changed) {
  let last;
  for (;;) {
    try {
      const answer = await fetch('policy?after=' + (last?.version ?? ''));
      const state = await answer.json();
      if (state.version !== last?.version) {
        show(state);
        if (last && state.state === 'live') {
          changed();
        }
        last = state;
      }
    } catch {
      find('policy-state').textContent = 'The lab does not answer; is it still running?';
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

function show({ file, text, state, faults }) {
  find('policy-file').textContent = file;
  find('policy-state').textContent = states[state];
  find('policy-state').dataset.state = state;
  find('policy-badge').textContent = badges[state];
  find('policy-badge').dataset.state = state;
  find('policy-faults').replaceChildren(...faults.map((fault) => element('li', {}, element('code', {}, fault))));
  const faulty = new Set(faults.map((fault) => Number(fault.slice(file.length + 1).split(':')[0])));
  const lines = text.replace(/\n$/, '').split('\n');
  find('policy-text').replaceChildren(...lines.map((line, i) => element('li', { id: `policy-line-${i + 1}`, class: faulty.has(i + 1) ? 'faulty' : undefined }, element('code', {}, line))));
}
