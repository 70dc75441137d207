// Asks as a page does, by fetch or by XMLHttpRequest, and gives what the page can see of the answer.
async (ask) => {
  const fetched = async () => {
    const {url, method, headers, body, credentials, mode} = ask;
    const response = await fetch(url, {method, headers, body, credentials, mode});
    if (response.type === "opaque") {
      return {outcome: "opaque", status: 0, headers: [], body: ""};
    }
    return {outcome: "readable", status: response.status, headers: [...response.headers], body: await response.text()};
  };
  const requested = () => new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open(ask.method, ask.url);
    xhr.withCredentials = ask.credentials === "include";
    for (const [name, value] of Object.entries(ask.headers || {})) {
      xhr.setRequestHeader(name, value);
    }
    xhr.onerror = () => reject(new Error("error event"));
    xhr.onload = () => {
      const lines = xhr.getAllResponseHeaders().trim().split("\r\n").filter((line) => line);
      const headers = lines.map((line) => line.split(/: (.*)/s).slice(0, 2));
      resolve({outcome: "readable", status: xhr.status, headers, body: xhr.responseText});
    };
    xhr.send(ask.body);
  });
  const answer = async () => {
    try {
      return await (ask.by === "XMLHttpRequest" ? requested() : fetched());
    } catch (error) {
      return {outcome: "refused", status: 0, headers: [], body: "", error: String(error)};
    }
  };
  if (!ask.sandboxed) {
    return answer();
  }
  // In a frame whose origin is null.
  const frame = document.createElement("iframe");
  frame.sandbox = "allow-scripts";
  frame.srcdoc = `<script>
    onmessage = async ({data}) => parent.postMessage(await eval(data.answer)(data.ask), "*");
    parent.postMessage("ready", "*");
  </` + `script>`;
  const said = () => new Promise((resolve) => addEventListener("message", ({data}) => resolve(data), {once: true}));
  document.body.append(frame);
  await said();
  const result = said();
  frame.contentWindow.postMessage({answer: ask.self, ask: {...ask, sandboxed: false}}, "*");
  const seen = await result;
  frame.remove();
  return seen;
}
