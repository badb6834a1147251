// The editor's style. The colours of tokens.css are visible in its shadow root too.

import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const look = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--paper)", fontSize: "14px" },
  "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "-1px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5", overflow: "auto", maxHeight: "var(--editor-most, none)" },
  ".cm-content": { caretColor: "var(--ink)", minHeight: "var(--editor-least, 6rem)" },
  ".cm-gutters": { color: "var(--soft)", backgroundColor: "var(--shade)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--shade)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "color-mix(in srgb, var(--accent) 30%, transparent)",
  },
  ".cm-selectionMatch": { backgroundColor: "var(--warn-tint)" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": {
    backgroundColor: "transparent", outline: "1px solid var(--edge)",
  },
  ".cm-tooltip, .cm-panels": { color: "var(--ink)", backgroundColor: "var(--paper)", border: "1px solid var(--edge)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { color: "var(--on-accent)", backgroundColor: "var(--accent)" },
  ".cm-completionDetail": { color: "inherit", fontStyle: "normal", marginLeft: "1em" },
  ".cm-panel button, .cm-panel input": { color: "var(--ink)", backgroundColor: "var(--paper)", backgroundImage: "none" },
  ".cm-about": { padding: "0.25rem 0.5rem", maxWidth: "40rem", overflowWrap: "anywhere" },
  ".cm-changedLine": { backgroundColor: "var(--good-tint)" },
  ".cm-changedText": { background: "none", textDecoration: "underline var(--good)" },
  ".cm-deletedChunk": { backgroundColor: "var(--bad-tint)" },
  ".cm-deletedChunk .cm-deletedText": { background: "none", textDecoration: "line-through var(--bad)" },
  ".cm-marked": { backgroundColor: "var(--bad-tint)", boxShadow: "inset 3px 0 var(--bad)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--bad)" },
  ".cm-lintRange-warning": { backgroundImage: "none", textDecoration: "underline wavy var(--warn)" },
  ".cm-lintRange-info": { backgroundImage: "none", textDecoration: "underline dotted var(--soft)" },
  // CodeMirror's own markers are data: addresses, which the Content-Security-Policy blocks.
  ".cm-lint-marker": { width: "1em", height: "1em", lineHeight: "1", textAlign: "center", fontWeight: "bold" },
  ".cm-lint-marker-error": { content: "normal", color: "var(--bad)" },
  ".cm-lint-marker-error::before": { content: '"■"' },
  ".cm-lint-marker-warning": { content: "normal", color: "var(--warn)" },
  ".cm-lint-marker-warning::before": { content: '"▲"' },
  ".cm-lint-marker-info": { content: "normal", color: "var(--soft)" },
  ".cm-lint-marker-info::before": { content: '"i"' },
  ".cm-diagnostic": { whiteSpace: "pre-wrap", maxWidth: "40rem" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--bad)" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--warn)" },
  ".cm-diagnostic-info": { borderLeftColor: "var(--soft)" },
});

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "var(--code-word)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-text)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
  { tag: [tags.function(tags.definition(tags.variableName)), tags.propertyName], color: "var(--code-name)" },
  { tag: tags.comment, color: "var(--code-remark)", fontStyle: "italic" },
]);

export const appearance = [look, syntaxHighlighting(colours)];
