// Asks for many things, some at a time, and gives for each what the page can see. In a frame whose origin is null if the
// batch says so.
async (batch) => {
  const askAll = async ({asks, atOnce}) => {
    // Browsers answer HEAD from what GET has left in the HTTP cache, where rules by method may say something else.
    const one = async ({url, method, headers, body, credentials, mode, cache = method === "HEAD" ? "no-store" : "default"}) => {
      try {
        const response = await fetch(url, {method, headers, body, credentials, mode, cache});
        if (response.type === "opaque") {
          return {outcome: "opaque", url: "", status: 0, headers: [], body: ""};
        }
        return {outcome: "readable", url: response.url, status: response.status, headers: [...response.headers], body: await response.text()};
      } catch (error) {
        return {outcome: "refused", url: "", status: 0, headers: [], body: ""};
      }
    };
    const results = [];
    let next = 0;
    const work = async () => {
      while (next < asks.length) {
        const i = next++;
        results[i] = await one(asks[i]);
      }
    };
    await Promise.all(Array.from({length: atOnce}, work));
    return results;
  };
  if (!batch.sandboxed) {
    return askAll(batch);
  }
  const frame = document.createElement("iframe");
  frame.sandbox = "allow-scripts";
  frame.srcdoc = `<script>
    onmessage = async ({data}) => parent.postMessage(await eval(data.askAll)(data.batch), "*");
    parent.postMessage("ready", "*");
  </` + `script>`;
  const said = () => new Promise((resolve) => addEventListener("message", ({data}) => resolve(data), {once: true}));
  const ready = said();
  document.body.append(frame);
  await ready;
  const results = said();
  frame.contentWindow.postMessage({askAll: String(askAll), batch}, "*");
  const all = await results;
  frame.remove();
  return all;
}
