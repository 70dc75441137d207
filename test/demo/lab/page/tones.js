// Colours and words for outcomes. They show whether an outcome is right, not only whether the content was read.
export const signs = { good: '✓', bad: '✕', kept: '✕', leak: '⚠\uFE0E', none: '–' };

const askers = { page: 'the page', stranger: 'the stranger', sandbox: 'the frame' };

const capital = (text) => text[0].toUpperCase() + text.slice(1);

// toneOf returns "good" or "bad" if the sender should be able to read the content, which is the default for the shop's own
// page. Otherwise it returns "kept" or "leak". Content that the shop's page reads is not a leak.
export function toneOf({ from, meant = from === 'page' }, outcome) {
  switch (outcome) {
    case 'readable':
      return meant || from === 'page' ? 'good' : 'leak';
    case 'refused':
      return meant ? 'bad' : 'kept';
  }
  return 'none';
}

// outcomeWords returns an outcome in words.
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
