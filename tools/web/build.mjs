// Everything the browser needs, into one folder: node build.mjs OUT WHEELS
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { snapshot } from "./snapshot.mjs";

const [out, wheels] = process.argv.slice(2);
rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, "pyodide"), { recursive: true });
mkdirSync(join(out, "wheels"));

await build({
  entryPoints: ["src/page.js", "src/live.js", "src/editor.js", "src/worker.js", "src/site.css"],
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  logLevel: "error",
});

// Python: the loader, the interpreter, its standard library, and nothing that comes from elsewhere.
const files = ["pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json"];
for (const file of files) cpSync(join("node_modules/pyodide", file), join(out, "pyodide", file));

const names = readdirSync(wheels).filter((name) => name.endsWith(".whl")).sort();
for (const name of names) cpSync(join(wheels, name), join(out, "wheels", name));
writeFileSync(join(out, "wheels", "wheels.json"), JSON.stringify(names) + "\n");
await snapshot(out);
// The interpreter would wait for more to do.
process.exit(0);
