// The editor: CodeMirror in a shadow root. There its styles are adopted stylesheets, which a strict
// Content-Security-Policy allows. In the document they would be <style> elements, which it blocks.
//
// It is a separate chunk, loaded when an editor is first shown.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { localCompletionSource, python } from "@codemirror/lang-python";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { unifiedMergeView } from "@codemirror/merge";
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Annotation, Compartment, EditorState, StateEffect, StateField, type Extension } from "@codemirror/state";
import {
  Decoration, drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, hoverTooltip,
  keymap, lineNumbers, type DecorationSet, type Tooltip,
} from "@codemirror/view";

import { INVISIBLE } from "../format/text";
import { completions, nameAt } from "./completion";
import { HINT, type Finding, type Language, type Name } from "./finding";
import { appearance } from "./theme";

export interface Options {
  value: string;
  label: string;
  language: Language;
  readonly: boolean;
  names: readonly Name[];
  onchange: (value: string) => void;
}

/** Marks a change that does not come from the keyboard. */
const fromOutside = Annotation.define<boolean>();
const setMark = StateEffect.define<number | null>();

/** The marked line: where a reading failed. */
const mark = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    let found = marks.map(transaction.changes);
    for (const effect of transaction.effects) {
      if (!effect.is(setMark)) continue;
      const line = effect.value === null ? null : lineOf(transaction.state, effect.value);
      found = line ? Decoration.set([Decoration.line({ class: "cm-marked" }).range(line.from)]) : Decoration.none;
    }
    return found;
  },
  provide: (field) => EditorView.decorations.from(field),
});

export class Code {
  readonly #view: EditorView;
  readonly #readonly = new Compartment();
  readonly #changes = new Compartment();
  #names: readonly Name[];

  constructor(host: HTMLElement, options: Options) {
    const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
    const hint = document.createElement("span");
    hint.id = "hint";
    hint.hidden = true;
    hint.textContent = HINT;
    root.replaceChildren(hint);
    this.#names = options.names;
    this.#view = new EditorView({
      root,
      parent: root,
      state: EditorState.create({ doc: options.value, extensions: [this.#extensions(options), appearance] }),
    });
  }

  get value(): string {
    return this.#view.state.doc.toString();
  }

  set value(text: string) {
    if (text === this.value) return;
    const changes = { from: 0, to: this.#view.state.doc.length, insert: text };
    this.#view.dispatch({ changes, annotations: fromOutside.of(true) });
  }

  set readonly(on: boolean) {
    this.#view.dispatch({ effects: this.#readonly.reconfigure(EditorState.readOnly.of(on)) });
  }

  /** The text whose changes are marked; null: no changes are marked. */
  set original(text: string | null) {
    const view = text === null ? [] : unifiedMergeView({ original: text, mergeControls: false, gutter: true });
    this.#view.dispatch({ effects: this.#changes.reconfigure(view) });
  }

  /** The completions. */
  set names(known: readonly Name[]) {
    this.#names = known;
  }

  set findings(found: readonly Finding[]) {
    this.#view.dispatch(setDiagnostics(this.#view.state, found.map((each) => diagnostic(this.#view.state, each))));
  }

  /** The number of the marked line, from 1. */
  set marked(line: number | null) {
    this.#view.dispatch({ effects: setMark.of(line) });
  }

  /** Move the cursor to a line, and scroll there. */
  show(line: number): void {
    const found = lineOf(this.#view.state, line);
    if (!found) return;
    const effects = EditorView.scrollIntoView(found.from, { y: "center" });
    this.#view.dispatch({ selection: { anchor: found.from }, effects });
    this.#view.focus();
  }

  destroy(): void {
    this.#view.destroy();
  }

  /** Return what is shown about the name under the pointer. */
  #about(view: EditorView, at: number): Tooltip | null {
    const line = view.state.doc.lineAt(at);
    const found = nameAt(line.text, at - line.from, this.#names);
    if (found === null || found.name.detail === undefined) return null;
    const { name, detail, place } = found.name;
    const said = place === undefined || place === "dot" ? `${name}: ${detail}` : `${name}, last value: ${detail}`;
    const dom = Object.assign(document.createElement("div"), { className: "cm-about", textContent: said });
    return { pos: line.from + found.from, end: line.from + found.to, above: true, create: () => ({ dom }) };
  }

  #extensions(options: Options): Extension {
    return [
      lineNumbers(),
      lintGutter(),
      history(),
      drawSelection(),
      indentOnInput(),
      bracketMatching(),
      closeBrackets(),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      highlightSelectionMatches(),
      // Invisible characters are most dangerous in source code.
      highlightSpecialChars({ addSpecialChars: INVISIBLE }),
      indentUnit.of(options.language === "python" ? "    " : "  "),
      options.language === "python" ? python() : json(),
      autocompletion({ override: options.language === "python" ? [localCompletionSource, completions(() => this.#names)] : [] }),
      keymap.of([
        ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap, ...lintKeymap,
        indentWithTab,
      ]),
      hoverTooltip((view, at) => this.#about(view, at)),
      mark,
      this.#changes.of([]),
      this.#readonly.of(EditorState.readOnly.of(options.readonly)),
      // With an explicit tabindex, so that axe-core knows that the keyboard can scroll it.
      EditorView.contentAttributes.of({ "aria-label": options.label, "aria-describedby": "hint", tabindex: "0" }),
      EditorView.updateListener.of((update) => {
        const typed = update.docChanged && !update.transactions.some((each) => each.annotation(fromOutside));
        if (typed) options.onchange(this.value);
      }),
    ];
  }
}

function lineOf(state: EditorState, number: number): { from: number; to: number } | null {
  return number >= 1 && number <= state.doc.lines ? state.doc.line(number) : null;
}

/** Return a finding as a diagnostic. One without an existing line is shown at the first line. */
function diagnostic(state: EditorState, finding: Finding): Diagnostic {
  const line = lineOf(state, finding.line ?? 1) ?? state.doc.line(1);
  const from = Math.min(line.from + (finding.column ?? 1) - 1, line.to);
  return { from, to: line.to, severity: finding.severity ?? "error", message: finding.message };
}
