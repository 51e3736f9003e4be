// Python, in a worker: the page stays responsive, and Stop can end even an endless loop.
// Nothing is loaded before the first request.
let python = null; // a promise of { Session, answer }
let session = null;

async function boot(base) {
  const at = (path) => new URL(path, base);
  const fetched = async (name) => (await fetch(at(`wheels/${name}`))).arrayBuffer();
  // The wheels come while Python starts; neither waits for the other.
  const wheels = fetch(at("wheels/wheels.json")).then(async (names) => Promise.all((await names.json()).map(fetched)));
  // If they cannot be had, that is told below, and not as well by the browser.
  wheels.catch(() => {});
  const snapshot = memory(at("pyodide/snapshot.bin")).catch(() => null);
  const py = await interpreter(at("pyodide/").href, snapshot);
  for (const wheel of await wheels) py.unpackArchive(wheel, "wheel");
  return py.pyimport("k8s_ref.cli.cellrun");
}

// Python as it was after its first import, which takes a fraction of the time; else from nothing.
async function interpreter(indexURL, snapshot) {
  const { loadPyodide } = await import(`${indexURL}pyodide.mjs`);
  const known = await snapshot;
  if (known) {
    try {
      return await loadPyodide({ indexURL, _loadSnapshot: known });
    } catch (error) {
      console.error(`the snapshot was of no use: ${error.message}`);
    }
  }
  return loadPyodide({ indexURL });
}

async function memory(url) {
  const reply = await fetch(url);
  if (!reply.ok) throw new Error(reply.statusText);
  return new Response(reply.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

const serve = {
  // A session in which nothing has run yet.
  async fresh(id, { base }) {
    const cellrun = await (python ??= boot(base));
    session?.destroy();
    session = cellrun.Session();
  },
  async cell(id, { request }) {
    const { answer } = await python;
    return answer(session, request, (piece) => self.postMessage({ id, piece: JSON.parse(piece) }));
  },
};

self.onmessage = async ({ data: { id, verb, ...rest } }) => {
  try {
    self.postMessage({ id, reply: await serve[verb](id, rest) });
  } catch (error) {
    // Pyodide's stack would be a megabyte of minified code.
    self.postMessage({ id, error: String(error.message ?? error).slice(-1000) });
  }
};

// If the interpreter cannot be fetched, Pyodide's own promise never ends; this is how one hears of it.
self.addEventListener("unhandledrejection", ({ reason }) => {
  self.postMessage({ fatal: String(reason?.message ?? reason).slice(-1000) });
});
