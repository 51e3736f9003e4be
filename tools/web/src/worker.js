// Python, in a worker: the page stays responsive, and Stop can end even an endless loop.
// Nothing is loaded before the first request.
let python = null; // a promise of { Session, answer }
let session = null;

async function boot(base) {
  const at = (path) => new URL(path, base);
  const [{ loadPyodide }, names] = await Promise.all([
    import(at("pyodide/pyodide.mjs").href),
    fetch(at("wheels/wheels.json")).then((response) => response.json()),
  ]);
  const wheels = names.map((name) => fetch(at(`wheels/${name}`)).then((response) => response.arrayBuffer()));
  const py = await loadPyodide({ indexURL: at("pyodide/").href });
  for (const wheel of wheels) py.unpackArchive(await wheel, "wheel");
  return py.pyimport("k8s_ref.cli.cellrun");
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
