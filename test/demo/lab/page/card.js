// Shorthands for the definitions of cards.

// withAndWithout returns the attempts of a card: the page's request with corsd and without, and a
// stranger's request with corsd, unless refused is null.
export function withAndWithout(what, { with: through = {}, without = {}, refused = {} } = {}) {
  const attempts = {
    with: { from: 'page', to: 'api', expected: 'readable', ...what, ...through },
    without: { from: 'page', to: 'bare', expected: 'refused', ...what, ...without },
  };
  if (refused) {
    attempts.refused = { from: 'stranger', to: 'api', expected: 'refused', ...what, ...refused };
  }
  return attempts;
}
