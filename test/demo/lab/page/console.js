// The messages that Chromium writes to its console, which no page can read. This file derives them from the requests and
// responses, by the browser's CORS check. Tests compare them with Chromium's own.
const field = (fields, name) => fields.find((f) => f.name === name)?.value;

const list = (fields, name) => (field(fields, name) ?? '').split(',').map((s) => s.trim()).filter(Boolean);

const safelisted = new Set(['GET', 'HEAD', 'POST']);

// consoleWords returns the message about the first of an attempt's exchanges that the browser refuses, '' if it refuses none.
export function consoleWords({ way, options = {} }, exchanges) {
  if (way === 'socket') {
    const status = exchanges.at(-1)?.status;
    return status && status !== 101 ? `Unexpected response code: ${status}` : '';
  }
  if (options.plain) {
    return ''; // not loaded with CORS, so nothing is checked
  }
  const withCredentials = options.credentials === 'include' || options.withCredentials === true;
  for (const { method, request, status, response } of exchanges) {
    const origin = field(request, 'origin');
    if (origin === undefined) {
      continue;
    }
    const asked = method === 'OPTIONS' ? field(request, 'access-control-request-method') : undefined;
    const refused = ofOrigin(origin, response, withCredentials);
    if (refused) {
      return asked ? `Response to preflight request doesn't pass access control check: ${refused}` : refused;
    }
    const unlisted = asked && ofPreflight(asked, request, status, response, withCredentials);
    if (unlisted) {
      return unlisted;
    }
  }
  return '';
}

function ofOrigin(origin, response, withCredentials) {
  const allowed = field(response, 'access-control-allow-origin');
  switch (true) {
    case allowed === undefined:
      return "No 'Access-Control-Allow-Origin' header is present on the requested resource.";
    case allowed === '*' && withCredentials:
      return "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'.";
    case allowed !== '*' && allowed !== origin:
      return `The 'Access-Control-Allow-Origin' header has a value '${allowed}' that is not equal to the supplied origin.`;
    case withCredentials && field(response, 'access-control-allow-credentials') !== 'true':
      return `The value of the 'Access-Control-Allow-Credentials' header in the response is '${field(response, 'access-control-allow-credentials') ?? ''}' which must be 'true' when the request's credentials mode is 'include'.`;
  }
  return '';
}

function ofPreflight(method, request, status, response, withCredentials) {
  if (status < 200 || status > 299) {
    return "Response to preflight request doesn't pass access control check: It does not have HTTP ok status.";
  }
  const allows = (names, name) => names.includes(name) || (!withCredentials && names.includes('*'));
  if (!safelisted.has(method) && !allows(list(response, 'access-control-allow-methods'), method)) {
    return `Method ${method} is not allowed by Access-Control-Allow-Methods in preflight response.`;
  }
  const names = list(response, 'access-control-allow-headers').map((name) => name.toLowerCase());
  const missing = list(request, 'access-control-request-headers').find((name) => !allows(names, name));
  return missing ? `Request header field ${missing} is not allowed by Access-Control-Allow-Headers in preflight response.` : '';
}
