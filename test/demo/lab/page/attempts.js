// The ways in which a page can request content of another origin. Each returns a result:
//
//   outcome   "readable", "refused" or "unsupported"
//   detail    the content that the page got, or the effect of the refusal
//   words     the browser's error as the page sees it, "" if there is none
//   status    the status of the response, 0 if the page may not know it
//   headers   the headers that the page may read
//
// This file imports nothing: it also runs in a sandboxed frame, which may not import modules.

const patience = 8000; // ms

const ways = { fetch: byFetch, xhr: byXHR, font, canvas, webgl, shape, module, events, socket, grpc };

// attempt tries one way. It shows visible content in stage.
export async function attempt({ way, url, options = {} }, stage = document.createElement('div')) {
  const late = new Promise((resolve) => setTimeout(resolve, patience, refused('Nothing came, for as long as the lab waits.')));
  try {
    return await Promise.race([ways[way](url, options, stage), late]);
  } catch (error) {
    return refused('The page gets an error, and nothing else.', String(error));
  }
}

function readable(detail, answer) {
  return { outcome: 'readable', detail, words: '', ...describe(answer) };
}

function refused(detail, words = '', answer) {
  return { outcome: 'refused', detail, words, ...describe(answer) };
}

function describe(answer) {
  return answer ? { status: answer.status, headers: Object.fromEntries(answer.headers) } : { status: 0, headers: {} };
}

// byFetch reads the body of a response, or with options.reads one of its headers.
async function byFetch(url, { reads, ...init }) {
  const answer = await fetch(url, init);
  const body = (await answer.text()).trim();
  if (!reads) {
    return readable(body, answer);
  }
  const value = answer.headers.get(reads);
  return value === null
    ? refused(`The page reads ${body}, but headers.get("${reads}") is null.`, '', answer)
    : readable(`${reads}: ${value}`, answer);
}

function byXHR(url, { method = 'GET', withCredentials = false }) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.withCredentials = withCredentials;
    request.onload = () => {
      const lines = request.getAllResponseHeaders().trim().split('\r\n');
      const headers = new Headers(lines.map((line) => line.split(': ')));
      resolve(readable(request.responseText.trim(), { status: request.status, headers }));
    };
    request.onerror = (event) =>
      resolve(refused(`The event "${event.type}", with status ${request.status} and no text. It does not say why.`, `${event.type} event`));
    request.send();
  });
}

// font shows a text in a font by @font-face, and waits until the font has loaded.
async function font(url, _, stage) {
  const family = 'Small caps of the API ' + url.slice(-12);
  const rule = document.createElement('style');
  rule.textContent = `@font-face { font-family: "${family}"; src: url(${JSON.stringify(url)}); }`;
  stage.replaceChildren(rule, 'Hamburgefonts');
  stage.style.fontFamily = `"${family}", serif`;
  try {
    await document.fonts.load(`1em "${family}"`);
  } catch (error) {
    return refused('The text keeps the font that it falls back to.', String(error));
  }
  const { status } = [...document.fonts].find((face) => face.family.includes(family));
  return status === 'loaded' ? readable('The text is set in the font.') : refused('The text keeps the font that it falls back to.');
}

// picture loads an image, with CORS unless the attribute crossorigin is left out.
async function picture(url, { plain }, stage) {
  const image = new Image();
  if (!plain) {
    image.crossOrigin = 'anonymous';
  }
  image.alt = 'A sun, from the API';
  stage.replaceChildren(image);
  await new Promise((resolve, reject) => {
    image.onload = resolve;
    image.onerror = () => {
      image.alt = '';
      reject(new DOMException('The image did not load: an "error" event, without a reason', 'Event'));
    };
    image.src = url;
  });
  return image;
}

async function canvas(url, options, stage) {
  const image = await loaded(url, options, stage);
  if (image.outcome) {
    return image;
  }
  const surface = document.createElement('canvas');
  [surface.width, surface.height] = [image.width, image.height];
  const context = surface.getContext('2d', { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  try {
    const [r, g, b] = context.getImageData(image.width / 2, image.height / 2, 1, 1).data;
    return readable(`The pixel in the middle is rgb(${r}, ${g}, ${b}).`);
  } catch (error) {
    return refused('The picture shows and can be drawn, but its pixels cannot be read.', String(error));
  }
}

// loaded returns the picture, or the result if it did not load.
async function loaded(url, options, stage) {
  try {
    return await picture(url, options, stage);
  } catch {
    return refused('The picture does not even show.', 'error event');
  }
}

async function webgl(url, options, stage) {
  const surface = document.createElement('canvas');
  const gl = surface.getContext('webgl');
  if (!gl) {
    return { outcome: 'unsupported', detail: 'This browser has no WebGL here.', words: '', ...describe() };
  }
  try {
    const image = await loaded(url, options, stage);
    return image.outcome ? image : upload(gl, image);
  } finally {
    gl.getExtension('WEBGL_lose_context')?.loseContext();
  }
}

// upload makes a texture of an image, and reads it back from the graphics card.
function upload(gl, image) {
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  try {
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image);
  } catch (error) {
    return refused('The picture shows, but it cannot become a texture.', String(error));
  }
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  const texture = gl.getParameter(gl.TEXTURE_BINDING_2D);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  const pixel = new Uint8Array(4);
  gl.readPixels(image.width / 2, image.height / 2, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
  return readable(`The texture's middle is rgb(${pixel.slice(0, 3).join(', ')}).`);
}

// shape lets text flow around a picture, and measures where the first line begins. If the browser
// may read the picture's shape, the line begins within the picture's box.
async function shape(url, _, stage) {
  const float = document.createElement('div');
  float.className = 'shaped';
  Object.assign(float.style, { float: 'left', width: '120px', height: '120px', shapeOutside: `url(${JSON.stringify(url)})` });
  const text = document.createElement('span');
  text.textContent = 'Text that follows the outline of what it flows around, if the browser may know the outline. ';
  stage.replaceChildren(float, text);
  for (let waited = 0; waited < 1500; waited += 50) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (text.getClientRects()[0].left < float.getBoundingClientRect().right - 10) {
      return readable('The first line begins within the box of the wedge: the text follows its slope.');
    }
  }
  return refused('The text keeps away from the whole box of the wedge.');
}

async function module(url) {
  const { greeting } = await import(url);
  return readable(`The script has run, and exports “${greeting}”.`);
}

function events(url, options) {
  const source = new EventSource(url, options);
  return new Promise((resolve) => {
    source.addEventListener('price', (event) => resolve(readable(`The event "price": ${event.data}`)));
    source.onerror = (event) =>
      resolve(refused(`The event "${event.type}"; the connection is ${source.readyState === 2 ? 'closed for good' : 'tried again'}.`, `${event.type} event`));
  }).finally(() => source.close());
}

function socket(url) {
  const connection = new WebSocket(url);
  return new Promise((resolve) => {
    connection.onopen = () => connection.send('Are you there?');
    connection.onmessage = (event) => resolve(readable(`The answer to “Are you there?”: “${event.data}”`));
    connection.onclose = (event) =>
      resolve(refused(`The connection was never opened. The page gets code ${event.code}, and no reason.`, `close event, code ${event.code}`));
  }).finally(() => connection.close());
}

// grpc calls Check of gRPC's health service, once for the whole server and once for an unknown
// service. It writes the frames by hand: a byte of flags, four of length, the message.
async function grpc(url) {
  const healthy = await call(url, []);
  const unknown = await call(url, [0x0a, 4, ...new TextEncoder().encode('cart')]);
  const status = unknown.answer.headers.get('grpc-status');
  if (healthy.message?.[1] !== 1 || status === null) {
    return refused(`The calls are answered, but grpc-status is ${status}.`, '', unknown.answer);
  }
  return readable(`Check() is SERVING; Check("cart") fails with grpc-status ${status}, read from a header.`, unknown.answer);
}

async function call(url, message) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/grpc-web+proto', 'X-Grpc-Web': '1' },
    body: new Uint8Array([0, 0, 0, 0, message.length, ...message]),
  });
  const body = new Uint8Array(await answer.arrayBuffer());
  const isMessage = body.length > 5 && body[0] === 0; // 0x80 would be the trailers
  return { answer, message: isMessage ? body.slice(5, 5 + body[4]) : undefined };
}

// answerParent lets the page that contains this frame run attempts in the frame.
export function answerParent() {
  const stage = document.body.appendChild(document.createElement('div'));
  addEventListener('message', async ({ source, origin, data }) => {
    if (source === parent) {
      source.postMessage({ number: data.number, result: await attempt(data.what, stage.appendChild(document.createElement('div'))) }, origin);
    }
  });
  parent.postMessage({ ready: true }, '*'); // contains nothing secret
}
