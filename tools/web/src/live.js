// Cells that run.  Without this script the page is complete: its code, its recorded outputs.
//
// Run means: the page from the top to here, in a fresh session.  So what you see is always what
// the code above it does, whatever was run before.  If any cell was edited, the cells below run too,
// and the whole page shows one and the same run.
import { Cell } from "./cell.js";
import { Python, Stopped } from "./python.js";
import { text } from "./texts.js";

const python = new Python();
const edited = () => cells.some((cell) => cell.runs && cell.edited);
const page = { run, stop: () => python.stop(), edited, changed };
const cells = [...document.querySelectorAll(".k8s-cell")].map((root) => new Cell(root, page));

function plan(target) {
  const at = cells.indexOf(target);
  const due = (cell, n) => n < at || (n > at && target.runs && (edited() || cell.live));
  return cells.filter((cell, n) => cell === target || (cell.runs && due(cell, n)));
}

async function run(target) {
  if (typeof WebAssembly !== "object") return target.say(text.cannot, "differs");
  const todo = plan(target);
  lock(true, todo);
  try {
    for (const cell of todo) cell.say(text.waiting, "busy");
    target.say(python.started ? text.running : text.loading, "busy");
    await python.fresh();
    while (todo.length && await play(todo[0])) todo.shift();
    for (const cell of todo.slice(1)) cell.say(text.skipped, "differs");
  } catch (error) {
    const stopped = error instanceof Stopped;
    for (const cell of todo) cell.say("");
    const [first] = todo;
    if (stopped) first?.say(text.stopped);
    else target.say(text.failed + error.message + " " + text.cannot, "differs");
    if (!stopped) python.stop();
  } finally {
    lock(false, cells);
  }
}

// Whether the cells below may go on.
async function play(cell) {
  cell.begin();
  const { name, kind, source } = cell;
  const reply = await python.cell({ name, kind, source, examples: cell.original }, (piece) => cell.piece(piece));
  cell.end(reply);
  return !reply.raised || cell.mayRaise;
}

// While something runs there is nothing to press but Stop.
function lock(on, running) {
  for (const cell of cells) {
    cell.runButton.disabled = cell.resetButton.disabled = on;
    cell.editButton.disabled = on;
    cell.stopButton.hidden = !on || !running.includes(cell);
  }
}

// After a Reset: if no cell is edited any more, the page is again what was published.
function changed() {
  if (!edited())
    for (const cell of cells) if (cell.runs && cell.live) cell.restore();
}
