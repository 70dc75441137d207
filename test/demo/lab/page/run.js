// Runs an attempt: makes it unique, tries it, and asks the lab what Envoy saw of it.
import { consoleWords } from './console.js';
import { attemptFrom } from './frames.js';
import { origins } from './origins.js';

const lab = await (await fetch('lab.json')).json();

export const profile = lab.profile;
export const config = lab.config;

// urlOf is where an attempt goes, without its mark.
export function urlOf({ to, path, way }) {
  const url = origins[to] + path;
  return way === 'socket' ? url.replace(/^http/, 'ws') : url;
}

// expectedOf is the outcome that an attempt teaches in this profile.
export function expectedOf({ expected }) {
  return typeof expected === 'string' ? expected : (expected[profile] ?? expected.else);
}

// runAttempt gives the result of an attempt. Its URL is marked, so that it is new to every
// cache, and the lab can tell what it led to.
export async function runAttempt(attempt, stage) {
  const run = crypto.randomUUID();
  const url = `${urlOf(attempt)}?run=${run}`;
  const result = await attemptFrom(attempt.from, { way: attempt.way, url, options: attempt.options }, stage);
  const exchanges = await (await fetch(`exchanges?of=${run}`)).json();
  return { run, ...result, expected: expectedOf(attempt), console: consoleWords(attempt, exchanges), exchanges };
}

// explanationOf lets corsd explain the nth exchange of a run.
export async function explanationOf(run, n) {
  const answer = await fetch(`explanation?of=${run}&n=${n}`);
  const text = await answer.text();
  return answer.ok ? text : `The lab could not ask corsd: ${text}`;
}
