// What went over the wire, as Envoy saw it.
import { element } from './elements.js';
import { explanationOf } from './run.js';

const corsHeader = /^(origin|vary|access-control-.*)$/;

// exchangeView shows one request and its answer.
export function exchangeView(exchange, run, n) {
  return element('div', { class: 'exchange' },
    element('h5', {}, exchange.method === 'OPTIONS' ? 'The preflight' : 'The request'),
    element('pre', { class: 'wire', tabindex: '0', 'aria-label': 'Request and answer' },
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
  const output = element('pre', { class: 'wire', tabindex: '0', 'aria-label': 'What corsd explains' }, '…');
  const details = element('details', { class: 'explain' }, element('summary', {}, 'corsd explain'), element('pre', { class: 'code small' }, '$ ' + exchange.command), output);
  details.addEventListener('toggle', async () => {
    if (details.open) {
      output.textContent = await explanationOf(run, n);
    }
  });
  return details;
}
