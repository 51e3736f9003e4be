// The page's side of the worker: requests with answers, pieces of output on the way, and Stop.
const here = new URL(".", import.meta.url);

export class Stopped extends Error {}

export class Python {
  constructor() {
    this.worker = null;
    this.waiting = new Map();
    this.last = 0;
  }

  // Whether Python has been loaded, or is being loaded.
  get started() { return this.worker !== null; }

  // Forget everything: the next cell begins with empty hands.
  fresh() { return this.#ask("fresh", { base: here.href }); }

  // Run one cell; onPiece gets its output as it appears.
  async cell(request, onPiece) {
    return JSON.parse(await this.#ask("cell", { request: JSON.stringify(request) }, onPiece));
  }

  // End whatever is running.  Python is loaded anew by the next request.
  stop(error = new Stopped()) {
    this.worker?.terminate();
    this.worker = null;
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }

  #ask(verb, data, onPiece) {
    this.worker ??= this.#start();
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, onPiece });
      this.worker.postMessage({ id, verb, ...data });
    });
  }

  #start() {
    const worker = new Worker(new URL("worker.js", here), { type: "module" });
    worker.onerror = (event) => this.stop(new Error(event.message || "worker.js"));
    worker.onmessage = ({ data }) => {
      if (data.fatal !== undefined) return this.stop(new Error(data.fatal));
      const asked = this.waiting.get(data.id);
      if (!asked) return;
      if (data.piece) return asked.onPiece?.(data.piece);
      this.waiting.delete(data.id);
      if (data.error !== undefined) asked.reject(new Error(data.error));
      else asked.resolve(data.reply);
    };
    return worker;
  }
}
