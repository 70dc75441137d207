// The view of the policy file, which follows its changes.
import { element } from './elements.js';

const find = (id) => document.getElementById(id);

const states = {
  live: () => 'Live: this is what decides.',
  pending: () => 'Changed; corsd has not read it yet.',
  refused: (faults) => `Change refused, ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}: the last good policy stays live.`,
};

const badges = { live: 'Policy: live', pending: 'Policy: changing', refused: 'Policy: change refused', lost: 'The lab does not answer' };

let shipped = true;

// policyIsShipped reports whether the policy is the one that the cards describe.
export const policyIsShipped = () => shipped;

// followPolicy shows the policy, and calls changed each time that another one is live.
export async function followPolicy(changed) {
  let last;
  let lost = false;
  for (;;) {
    try {
      const answer = await fetch('policy?after=' + (last && !lost ? last.version : ''));
      const state = await answer.json();
      if (lost || state.version !== last?.version) {
        show(state);
        if (last && state.state === 'live') {
          changed();
        }
        [last, lost] = [state, false];
      }
    } catch {
      lost = true;
      say('lost', 'The lab does not answer; is it still running?');
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

function say(state, words) {
  find('policy-state').textContent = words;
  find('policy-badge').textContent = badges[state];
  find('policy-state').dataset.state = find('policy-badge').dataset.state = state;
}

function show({ file, text, state, faults, shipped: isShipped }) {
  shipped = isShipped;
  say(state, states[state](faults));
  find('policy-file').textContent = file;
  const lines = text.replace(/\n$/, '').split('\n');
  const found = faults.map((fault) => faultOf(fault, file));
  find('policy-faults').replaceChildren(...found.map(({ line, words }) => element('li', {},
    line ? [element('a', { href: `#policy-line-${line}` }, `line ${line}`), ': '] : '', element('code', {}, words))));
  find('policy-note').hidden = state !== 'refused';
  const faulty = new Set(found.map(({ line }) => line));
  find('policy-text').replaceChildren(...lines.map((line, i) =>
    element('li', { id: `policy-line-${i + 1}`, tabindex: '-1', class: faulty.has(i + 1) ? 'faulty' : undefined }, element('code', {}, line))));
}

// faultOf splits a fault of corsd into its parts: file:line:column: message.
function faultOf(fault, file) {
  if (!fault.startsWith(file + ':')) {
    return { words: fault };
  }
  const rest = fault.slice(file.length + 1);
  const placed = rest.match(/^(\d+):\d+: ([^]*)$/);
  return placed ? { line: Number(placed[1]), words: placed[2] } : { words: rest.trim() };
}
