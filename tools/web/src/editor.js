// The editor, loaded when the reader first presses Edit.
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { HighlightStyle, bracketMatching, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { EditorView, drawSelection, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";

// The colours of the theme's own code, so that a cell looks the same when it is opened.
const colour = (name) => `var(--md-code-hl-${name}-color)`;
const { definition, function: function_, special } = tags;
const style = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword, tags.definitionKeyword, tags.moduleKeyword], color: colour("keyword") },
  { tag: [tags.string, special(tags.string)], color: colour("string") },
  { tag: tags.number, color: colour("number") },
  { tag: tags.comment, color: colour("comment") },
  { tag: [function_(tags.variableName), function_(definition(tags.variableName)), definition(tags.className)], color: colour("function") },
  { tag: [tags.bool, tags.null], color: colour("constant") },
  { tag: tags.operator, color: colour("operator") },
  { tag: tags.meta, color: colour("special") },
]);

export class Editor {
  constructor(doc, { language, label, run, changed }) {
    const keys = [
      { key: "Shift-Enter", run: () => (run(), true) },
      { key: "Mod-Enter", run: () => (run(), true) },
      ...defaultKeymap,
      ...historyKeymap,
      // Tab indents; Escape and then Tab leaves the editor.
      indentWithTab,
    ];
    const extensions = [
      history(),
      drawSelection(),
      bracketMatching(),
      indentUnit.of("    "),
      language === "python" ? python() : [],
      syntaxHighlighting(style),
      EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
      EditorView.updateListener.of((update) => update.docChanged && changed()),
      keymap.of(keys),
    ];
    this.view = new EditorView({ state: EditorState.create({ doc, extensions }) });
  }

  get element() { return this.view.dom; }
  text() { return this.view.state.doc.toString(); }
  focus() { this.view.focus(); }

  replace(doc) {
    this.view.dispatch({ changes: { from: 0, to: this.view.state.doc.length, insert: doc } });
  }
}
