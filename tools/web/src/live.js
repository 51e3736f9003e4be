// Cells that run.  Without this script the page is complete: its code, its recorded outputs.
//
// Run means: the page from the top to here, in a fresh session.  So what you see is always what
// the code above it does, whatever was run before.  If any cell was edited, the cells below run too,
// and the whole page shows one and the same run.
import { Cell, element } from "./cell.js";
import { Python, Stopped } from "./python.js";
import { holdsEdits, pack, unpack } from "./share.js";
import { text } from "./texts.js";

const python = new Python();
const edited = () => cells.some((cell) => cell.runs && cell.edited);
const page = { run, stop: () => python.stop(), share, edited, changed };
// A cell for the host has its reason where others have buttons.
const cells = [...document.querySelectorAll(".k8s-cell:not([data-host])")].map((root) => new Cell(root, page));

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
    cell.runButton.disabled = cell.resetButton.disabled = cell.shareButton.disabled = on;
    cell.editButton.disabled = on;
    cell.stopButton.hidden = !on || !running.includes(cell);
  }
}

// After a Reset: if no cell is edited any more, the page is again what was published.
function changed() {
  if (!edited())
    for (const cell of cells) if (cell.runs && cell.live) cell.restore();
  if (!cells.some((cell) => cell.edited)) note?.remove();
  if (link) renew();
}

// -- The link with the reader's edits

let note = null;
let link = "";
let turns = 0;

// What the address holds, and what the other language gets.
function address(hash) {
  link = hash;
  if (hash || holdsEdits(location.hash)) history.replaceState(history.state, "", hash || location.pathname + location.search);
}

// The address of the page as it stands: without edits, its plain one.
async function renew() {
  const edits = cells.filter((each) => each.edited).map((each) => [each.name, each.source]);
  const turn = ++turns;
  const hash = edits.length ? await pack(Object.fromEntries(edits)) : "";
  // Packing takes a moment; what was asked last counts.
  if (turn === turns) address(hash);
}

async function share(cell) {
  await renew();
  let said = text.copied;
  // A page that is not served over HTTPS has no clipboard, and a reader may refuse it.
  try { await navigator.clipboard.writeText(location.href); } catch { said = text.inAddress; }
  cell.say(said, cell.root.dataset.state);
}

// Puts the edits of the address into the cells.  Nothing runs: whoever wrote the link is a stranger.
async function open() {
  if (!holdsEdits(location.hash)) return;
  const hash = location.hash;
  try {
    const edits = await unpack(hash);
    const known = cells.filter((cell) => edits.has(cell.name));
    if (!known.length) throw new RangeError("no such cells");
    await Promise.all(known.map((cell) => cell.put(edits.get(cell.name))));
    link = hash;
    tell(text.holds(known.length) + (edits.size > known.length ? text.lost(edits.size - known.length) : ""), resetAll);
  } catch {
    tell(text.unreadable);
  }
}

function tell(message, reset) {
  note = element("p", { class: "k8s-note", role: "status" }, message);
  if (reset) note.append(" ", element("button", { type: "button", class: "k8s-reset-all", onclick: reset }, text.resetAll));
  (document.querySelector(".k8s-places") ?? document.querySelector("article h1")).after(note);
}

function resetAll() {
  for (const cell of cells) if (cell.edited) cell.reset();
}

document.addEventListener("click", (event) => {
  const other = event.target.closest?.("a[hreflang]");
  if (other && link) other.hash = link;
});
// Another such link, put into the address bar of this page, is opened as in a page of its own.
addEventListener("hashchange", () => {
  if (holdsEdits(location.hash) && location.hash !== link) location.reload();
});
open();
