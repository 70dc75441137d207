// Requests and responses, as Envoy saw them.
import { element } from './elements.js';
import { explanationOf } from './run.js';

const corsHeader = /^(origin|vary|access-control-.*)$/;
const decisive = /^(origin|access-control-(?!max-age).*|cookie|location|x-total|x-served-by|x-trace|grpc-status)$/;

// isTelling reports whether a header is relevant to a card. A content type is if no form can send it. A WebSocket's response has none.
const isTelling = (status) => ({ name, value }) =>
  decisive.test(name) ? status !== 101 : name === 'content-type' && status === undefined && /json|grpc/.test(value);

// wireView shows the relevant headers of requests and responses.
export function wireView(exchanges) {
  return element('div', { class: 'essence', role: 'group', 'aria-label': 'On the wire' },
    exchanges.length === 0 ? element('p', {}, 'Nothing went over the wire.') : '',
    exchanges.map((x) => [
      direction('sent', '→', [x.method, ` ${hostOf(x)}${pathOf(x)}`], x.request.filter(isTelling()), 'no Origin'),
      direction('answered', '←', [String(x.status)], x.response.filter(isTelling(x.status)), x.status === 101 ? 'the socket is open' : 'no CORS headers'),
    ]));
}

const hostOf = ({ authority }) => authority.replace(/:\d+$/, '');

const pathOf = ({ path }) => path.replace(/\?run=.*/, '');

function direction(word, arrow, [head, ...rest], fields, none) {
  const shown = fields.sort((a, b) => namesOrigin(b) - namesOrigin(a));
  return element('p', {},
    element('span', { class: 'arrow', 'aria-label': word, role: 'img' }, arrow), element('b', {}, head), ...rest, ' ',
    shown.length ? shown.map(({ name, value }) => element('span', { class: 'field' }, `${name}: ${value}`)) : element('span', { class: 'nothing' }, none));
}

const namesOrigin = ({ name }) => name.endsWith('origin'); // sorted first

// consequence returns the effect of an attempt on the server, in words.
export function consequence({ keeps }, { outcome, exchanges }) {
  if (outcome !== 'refused' || keeps || exchanges.length === 0) {
    return '';
  }
  if (exchanges.every(({ method }) => method === 'OPTIONS')) {
    return 'The request itself was never sent.';
  }
  return { application: 'The application has answered all the same.', corsd: 'The application was never asked.' }[exchanges.at(-1).answered] ?? '';
}

// exchangeView shows one request and its response.
export function exchangeView(exchange, run, n) {
  return element('div', { class: 'exchange' },
    element('h5', {}, exchange.method === 'OPTIONS' ? 'The preflight' : 'The request'),
    element('pre', { class: 'wire' },
      `${exchange.method} ${pathOf(exchange)} ${exchange.protocol}\nhost: ${exchange.authority}\n`,
      headerLines(exchange.request), '\n',
      element('b', {}, String(exchange.status)), ` ${answeredBy(exchange)}\n`,
      headerLines(exchange.response)),
    explanation(exchange, run, n));
}

function headerLines(fields) {
  return fields.map(({ name, value }) => {
    const line = `${name}: ${value}`;
    return [corsHeader.test(name) ? element('mark', {}, line) : line, '\n'];
  });
}

function answeredBy({ answered, details }) {
  return answered === 'application' ? '— by the application' : `— by ${answered} (${details})`;
}

// explanation runs corsd explain when it is opened.
function explanation(exchange, run, n) {
  if (!exchange.verdict) {
    return '';
  }
  const output = element('pre', { class: 'wire table', tabindex: '0', role: 'group', 'aria-label': 'What corsd explains' }, '…');
  const details = element('details', { class: 'explain' }, element('summary', {}, 'corsd explain'), element('pre', { class: 'code small' }, '$ ' + exchange.command), output);
  details.addEventListener('toggle', async () => {
    if (details.open) {
      output.textContent = await explanationOf(run, n);
    }
  });
  return details;
}
