// Python's memory right after our package was imported: a browser that begins there skips its start.
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const MODULE = "k8s_ref.cli.cellrun";

export async function snapshot(web) {
  const at = (...names) => join(resolve(web), ...names);
  const { loadPyodide } = await import(pathToFileURL(at("pyodide", "pyodide.mjs")).href);
  const py = await loadPyodide({ indexURL: at("pyodide"), _makeSnapshot: true });
  for (const name of JSON.parse(readFileSync(at("wheels", "wheels.json"), "utf8")))
    py.unpackArchive(new Uint8Array(readFileSync(at("wheels", name))), "wheel");
  py.runPython(`import gc, ${MODULE}\ngc.collect()`);
  // Not named .gz: a server that knew the name might unpack it on the way.
  writeFileSync(at("pyodide", "snapshot.bin"), gzipSync(py.makeMemorySnapshot(), { level: 9 }));
}
