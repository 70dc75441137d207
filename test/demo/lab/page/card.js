// How cards are written down.

// withAndWithout gives the attempts of a card: the page asks the API, through corsd and not, and
// a stranger asks it through corsd, unless refused is null.
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
