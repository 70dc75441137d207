// What an outcome means for whom: colour and words say whether something is right, not only whether it was read.
export const signs = { good: '✓', bad: '✕', kept: '✕', leak: '⚠\uFE0E', none: '–' };

const askers = { page: 'the page', stranger: 'the stranger', sandbox: 'the frame' };

const capital = (text) => text[0].toUpperCase() + text.slice(1);

// toneOf is "good" or "bad" for what is meant to be read, as the shop's own page is if nothing else is said, and "kept" or
// "leak" for what is not. What the shop's page reads is no leak.
export function toneOf({ from, meant = from === 'page' }, outcome) {
  switch (outcome) {
    case 'readable':
      return meant || from === 'page' ? 'good' : 'leak';
    case 'refused':
      return meant ? 'bad' : 'kept';
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
