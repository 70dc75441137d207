// What went over the wire, as Envoy saw it.
import { element } from './elements.js';
import { explanationOf } from './run.js';

const corsHeader = /^(origin|vary|access-control-.*)$/;
const decisive = /^(origin|access-control-(?!max-age).*)$/;

// wireView shows what counts: what was sent, and what came back, of CORS.
export function wireView(exchanges) {
  return element('div', { class: 'essence', role: 'group', 'aria-label': 'On the wire' },
    exchanges.length === 0 ? element('p', {}, 'Nothing went over the wire.') : '',
    exchanges.map((x) => [
      direction('sent', '→', x.method, x.request, 'no Origin'),
      direction('answered', '←', x.status, x.response, 'nothing of CORS'),
    ]));
}

function direction(word, arrow, head, fields, none) {
  const told = fields.filter(({ name }) => decisive.test(name)).sort((a, b) => namesOrigin(b) - namesOrigin(a));
  return element('p', {},
    element('span', { class: 'arrow', 'aria-label': word, role: 'img' }, arrow), element('b', {}, String(head)), ' ',
    told.length ? told.map(({ name, value }) => element('span', { class: 'field' }, `${name}: ${value}`)) : element('span', { class: 'nothing' }, none));
}

const namesOrigin = ({ name }) => name.endsWith('origin'); // it comes first

// consequence says what an attempt did beside what the page got.
export function consequence({ outcome, exchanges }) {
  if (outcome !== 'refused' || exchanges.length === 0) {
    return '';
  }
  if (exchanges.every(({ method }) => method === 'OPTIONS')) {
    return 'The request itself was never sent.';
  }
  return { application: 'The application has answered all the same.', corsd: 'The application was never asked.' }[exchanges.at(-1).answered] ?? '';
}

// exchangeView shows one request and its answer.
export function exchangeView(exchange, run, n) {
  return element('div', { class: 'exchange' },
    element('h5', {}, exchange.method === 'OPTIONS' ? 'The preflight' : 'The request'),
    element('pre', { class: 'wire' },
      `${exchange.method} ${exchange.path.replace(/\?run=.*/, '')} ${exchange.protocol}\nhost: ${exchange.authority}\n`,
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
