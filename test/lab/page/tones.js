// What an outcome means for whom: colour and words say whether something is right, not only whether it was read.
export const signs = { good: '✓', bad: '✕', kept: '✕', leak: '⚠\uFE0E', none: '–' };

const askers = { page: 'the page', stranger: 'the stranger', sandbox: 'the frame' };

const capital = (text) => text[0].toUpperCase() + text.slice(1);

// isMeant says that whoever asks is meant to read it: the shop's own page, if nothing else is said.
const isMeant = ({ from, meant }) => meant ?? from === 'page';

// toneOf is "good" or "bad" for what is meant to be read, "kept" or "leak" for what is not.
export function toneOf(attempt, outcome) {
  switch (outcome) {
    case 'readable':
      return isMeant(attempt) ? 'good' : 'leak';
    case 'refused':
      return isMeant(attempt) ? 'bad' : 'kept';
  }
  return 'none';
}

// outcomeWords says it in words.
export function outcomeWords(attempt, outcome) {
  const who = askers[attempt.from];
  switch (outcome) {
    case 'readable':
      return `${capital(who)} can read it`;
    case 'refused':
      return attempt.keeps ?? `Kept from ${who}`;
  }
  return 'This browser cannot try it';
}
