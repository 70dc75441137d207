// What a page writes to make an attempt.
import { urlOf } from './run.js';

const quote = (text) => `'${text}'`;

const writers = {
  fetch: (url, { reads, ...init }) => {
    const call = Object.keys(init).length ? `await fetch(${url}, ${literal(init)})` : `await fetch(${url})`;
    return reads ? `(${call}).headers.get(${quote(reads)})` : call;
  },
  xhr: (url) => `const request = new XMLHttpRequest();\nrequest.open('GET', ${url});\nrequest.send();`,
  font: (url) => `@font-face {\n  font-family: 'Small Caps';\n  src: url(${url});\n}`,
  canvas: (url, options) => `${image(url, options)}\ncontext.drawImage(image, 0, 0);\ncontext.getImageData(60, 60, 1, 1);`,
  webgl: (url, options) => `${image(url, options)}\ngl.texImage2D(gl.TEXTURE_2D, …, image);`,
  shape: (url) => `.wedge {\n  float: left;\n  shape-outside: url(${url});\n}`,
  module: (url) => `const { greeting } = await import(${url});`,
  events: (url, options) => `new EventSource(${url}, ${literal(options)})`,
  socket: (url) => `new WebSocket(${url})`,
  grpc: (url) =>
    `await fetch(${url}, {\n  method: 'POST',\n  headers: { 'Content-Type': 'application/grpc-web+proto', 'X-Grpc-Web': '1' },\n  body: frame,\n})`,
};

const image = (url, { plain }) => `const image = new Image();${plain ? '' : "\nimage.crossOrigin = 'anonymous';"}\nimage.src = ${url};`;

function literal(value) {
  if (typeof value !== 'object') {
    return typeof value === 'string' ? quote(value) : String(value);
  }
  const key = (name) => (/^\w+$/.test(name) ? name : quote(name));
  return `{ ${Object.entries(value).map(([name, v]) => `${key(name)}: ${literal(v)}`).join(', ')} }`;
}

export function codeOf(attempt) {
  return writers[attempt.way](quote(urlOf(attempt)), attempt.options ?? {});
}
