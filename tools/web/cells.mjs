// Run every cell under Python in WebAssembly and compare: python -m tools.site cells | node cells.mjs WEB
// WEB is the folder that the browser gets, so this tries the very files that are published.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const web = resolve(process.argv[2]);
const pages = JSON.parse(readFileSync(0, "utf8"));

async function python() {
  const { loadPyodide } = await import(pathToFileURL(join(web, "pyodide/pyodide.mjs")).href);
  const py = await loadPyodide({ indexURL: join(web, "pyodide") });
  for (const name of JSON.parse(readFileSync(join(web, "wheels/wheels.json"), "utf8")))
    py.unpackArchive(new Uint8Array(readFileSync(join(web, "wheels", name))), "wheel");
  return py;
}

function compare(page, cell, got) {
  if (got.digest === cell.digest) return 0;
  console.log(`${page}: cell ${cell.name}\n--- CPython\n${cell.text}\n--- WebAssembly\n${got.text}`);
  if (got.text === cell.text) console.log("(the text is the same; a picture or HTML differs)");
  return 1;
}

try {
  const py = await python();
  const { Session, answer } = py.pyimport("k8s_ref.cli.cellrun");
  let differ = 0, count = 0;
  for (const [page, cells] of Object.entries(pages)) {
    const session = Session();
    for (const cell of cells) {
      differ += compare(page, cell, JSON.parse(answer(session, JSON.stringify(cell))));
      count += 1;
    }
  }
  const version = py.runPython("import sys; sys.version.split()[0]");
  console.log(`${count} cells on Python ${version} in WebAssembly: ${differ} differ`);
  process.exit(differ ? 1 : 0);
} catch (error) {
  // The whole error would be a megabyte of minified code.
  console.log(String(error.message ?? error).slice(-2000));
  process.exit(2);
}
