// Frames with pages of other origins: a stranger's, and one without an origin.
import { attempt } from './attempts.js';
import { origins } from './origins.js';

const frames = new Map();

// attemptFrom runs an attempt in the page itself, or in a frame.
export async function attemptFrom(who, what, stage) {
  if (who === 'page') {
    return attempt(what, stage);
  }
  if (!frames.has(who)) {
    frames.set(who, open(who));
  }
  return (await frames.get(who))(what);
}

// open returns a function that runs an attempt in a new frame.
async function open(who) {
  const element = document.createElement('iframe');
  element.title = who === 'stranger' ? "A stranger's page" : 'A sandboxed page';
  element.className = 'frame';
  if (who === 'stranger') {
    element.src = origins.stranger + '/frame.html';
  } else {
    element.sandbox = 'allow-scripts'; // without allow-same-origin: its origin is null
    const code = await (await fetch('attempts.js')).text();
    element.srcdoc = `<!doctype html><title>A sandboxed page</title><script type="module">${code}\nanswerParent();</script>`;
  }
  const waiting = new Map();
  const ready = new Promise((resolve) => {
    addEventListener('message', ({ source, data }) => {
      if (source !== element.contentWindow) {
        return;
      }
      if (data.ready) {
        resolve();
      } else {
        waiting.get(data.number)?.(data.result);
        waiting.delete(data.number);
      }
    });
  });
  document.body.append(element);
  await ready;
  let number = 0;
  return (what) =>
    new Promise((resolve) => {
      waiting.set(++number, resolve);
      element.contentWindow.postMessage({ number, what }, who === 'stranger' ? origins.stranger : '*');
    });
}
