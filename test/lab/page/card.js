// How cards are written down.

export const consoles = {
  noOrigin: "No 'Access-Control-Allow-Origin' header is present on the requested resource.",
  preflightNoOrigin:
    "Response to preflight request doesn't pass access control check: No 'Access-Control-Allow-Origin' header is present on the requested resource.",
  method: (method) => `Method ${method} is not allowed by Access-Control-Allow-Methods in preflight response.`,
  header: (name) => `Request header field ${name} is not allowed by Access-Control-Allow-Headers in preflight response.`,
  wildcard:
    "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'.",
};

// withAndWithout gives the attempts of a card: the page asks the API, through corsd and not, and
// a stranger asks it through corsd, unless refused is null.
export function withAndWithout(what, { with: through = {}, without = {}, refused = {} } = {}) {
  const attempts = {
    with: { from: 'page', to: 'api', expected: 'readable', ...what, ...through },
    without: { from: 'page', to: 'bare', expected: 'refused', console: consoles.noOrigin, ...what, ...without },
  };
  if (refused) {
    attempts.refused = { from: 'stranger', to: 'api', expected: 'refused', console: consoles.noOrigin, ...what, ...refused };
  }
  return attempts;
}
