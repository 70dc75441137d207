// Runs an attempt with a unique URL, and requests the exchanges that Envoy saw from the lab.
import { consoleWords } from './console.js';
import { attemptFrom } from './frames.js';
import { origins } from './origins.js';

const lab = await (await fetch('lab.json')).json();

export const profile = lab.profile;
export const config = lab.config;

// urlOf returns the URL of an attempt, without its run.
export function urlOf({ to, path, way }) {
  const url = origins[to] + path;
  return way === 'socket' ? url.replace(/^http/, 'ws') : url;
}

// expectedOf returns the outcome that an attempt teaches in this profile.
export function expectedOf({ expected }) {
  return typeof expected === 'string' ? expected : (expected[profile] ?? expected.else);
}

// runAttempt returns the result of an attempt. Its URL has a unique query, so that no cache has it and
// the lab can find its exchanges.
export async function runAttempt(attempt, stage) {
  const run = crypto.randomUUID();
  const url = `${urlOf(attempt)}?run=${run}`;
  const result = await attemptFrom(attempt.from, { way: attempt.way, url, options: attempt.options }, stage);
  const exchanges = await (await fetch(`exchanges?of=${run}`)).json();
  return { run, ...result, expected: expectedOf(attempt), console: consoleWords(attempt, exchanges), exchanges };
}

// explanationOf returns corsd's explanation of the nth exchange of a run.
export async function explanationOf(run, n) {
  const answer = await fetch(`explanation?of=${run}&n=${n}`);
  const text = await answer.text();
  return answer.ok ? text : `The lab could not ask corsd: ${text}`;
}
