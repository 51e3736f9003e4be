// One cell: its code, its buttons, its output.
import { canShare } from "./share.js";
import { text } from "./texts.js";

const here = new URL(".", import.meta.url);

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export class Cell {
  // page: { run(cell), stop(), share(cell), edited(), changed() }
  constructor(root, page) {
    Object.assign(this, { root, page, editor: null, live: false });
    ({ name: this.name, kind: this.kind, digest: this.digest } = root.dataset);
    this.mayRaise = root.dataset.raises === "yes";
    this.code = root.querySelector(".highlight, .k8s-script");
    this.original = sourceOf(this.code);
    this.output = root.querySelector(".k8s-output");
    this.recorded = this.output.innerHTML;
    reachable(this.output);
    this.#addBar();
  }

  get runs() { return this.kind === "python" || this.kind === "console"; }
  get source() { return this.editor ? this.editor.text() : this.original; }
  get edited() { return this.source !== this.original; }

  #addBar() {
    const button = (label, action, more) => element("button", { type: "button", onclick: action, ...more }, label);
    const run = this.kind === "exercise" ? text.check : text.run;
    this.runButton = button(run, () => this.page.run(this), { class: "k8s-run" });
    this.stopButton = button(text.stop, () => this.page.stop(), { class: "k8s-stop", hidden: "" });
    this.editButton = button(text.edit, () => this.edit(), { class: "k8s-edit" });
    this.resetButton = button(text.reset, () => this.reset(), { class: "k8s-reset", hidden: "" });
    this.shareButton = button(text.share, () => this.page.share(this), { class: "k8s-share", hidden: "" });
    this.status = element("span", { class: "k8s-status", role: "status" });
    const bar = element("div", { class: "k8s-bar" }, this.runButton, this.stopButton, this.editButton, this.resetButton, this.shareButton, this.status);
    this.output.before(bar);
  }

  say(message, state = "") {
    this.status.textContent = message;
    this.root.dataset.state = state;
  }

  // -- Editing

  async edit() {
    await this.open();
    this.editor.focus();
  }

  // Put a text in the place of the published one; nothing runs.
  async put(source) {
    await this.open();
    this.editor.replace(source);
    this.say(text.notRun);
  }

  open() { return (this.opening ??= this.#open()); }

  async #open() {
    this.editButton.disabled = true;
    const { Editor } = await import(new URL("editor.js", here).href);
    const language = this.kind === "console" ? "text" : "python";
    this.editor = new Editor(this.original, { language, label: text.code, run: () => this.page.run(this), changed: () => this.#noteChange() });
    this.code.hidden = true;
    this.code.after(this.editor.element);
    this.editButton.hidden = true;
  }

  #noteChange() {
    this.resetButton.hidden = !this.edited;
    this.shareButton.hidden = !this.edited || !canShare();
  }

  reset() {
    this.editor?.replace(this.original);
    this.restore();
    this.page.changed();
  }

  // Show what the page recorded.
  restore() {
    this.live = false;
    this.#show(this.recorded);
    this.say("");
  }

  #show(html) {
    this.output.innerHTML = html;
    reachable(this.output);
  }

  // -- Running

  begin() {
    this.live = true;
    this.shown = "";
    this.begun = performance.now();
    this.say(text.running, "busy");
  }

  // A piece of a cell that takes its time; quick ones are shown once, when they end.
  piece(piece) {
    if (piece.type !== "stream") return;
    this.shown += piece.text;
    if (performance.now() - this.begun < 200 || this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this.root.dataset.state !== "busy") return;
      this.output.replaceChildren(element("pre", { class: "k8s-text" }, element("code", {}, this.shown)));
    });
  }

  end(reply) {
    const time = text.time(Math.round(performance.now() - this.begun));
    if (this.kind === "exercise") return this.#endExercise(reply, time);
    this.#show(reply.html);
    const [message, state] = this.#verdict(reply);
    this.say(`${message} · ${time}`, state);
  }

  #verdict(reply) {
    if (reply.digest === this.digest) return [text.same, "same"];
    if (reply.raised && !this.mayRaise) return [text.broken, "differs"];
    return this.page.edited() ? [text.changed, "changed"] : [text.differs, "differs"];
  }

  #endExercise({ html, tried, passed, failures }, time) {
    this.#show(html);
    for (const { source, want, got } of failures) {
      const lines = [`>>> ${source}`, `${text.want}  ${want}`, `${text.got}  ${got || text.nothing}`];
      this.output.append(element("pre", { class: "k8s-error" }, element("code", {}, lines.join("\n"))));
    }
    const done = tried > 0 && passed === tried;
    this.say(tried ? `${text.passed(passed, tried)} · ${time}` : text.raised, done ? "same" : "differs");
  }
}

// What is wider than the screen is moved sideways; the keyboard must be able to do that too.
// Only what overflows takes part in the order of Tab, and a screen can be turned.
function reachable(output) {
  for (const region of output.querySelectorAll(".k8s-rich, pre > code")) new ResizeObserver(() => fit(region)).observe(region);
}

function fit(region) {
  const facts = region.matches(".k8s-rich") ? { tabindex: "0", role: "group", "aria-label": text.picture } : { tabindex: "0" };
  const wide = region.scrollWidth > region.clientWidth;
  for (const [name, value] of Object.entries(facts)) {
    if (wide) region.setAttribute(name, value);
    else region.removeAttribute(name);
  }
}

// The code of a cell as it stands in the page, without the theme's own buttons.
function sourceOf(code) {
  const copy = (code.querySelector("code") ?? code).cloneNode(true);
  for (const extra of copy.querySelectorAll("nav, button, a")) extra.remove();
  return copy.textContent.replace(/\n$/, "");
}
