// Text from outside, made safe to read. Svelte already shows it as text and never as markup.
//
// Characters that are invisible, break lines or change the writing direction are replaced by visible symbols.

/** C0 and C1 controls except tab and newline, bidirectional controls, separators, BOM, tags, lone surrogates. */
export const INVISIBLE =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Cs}]/gu;

/** Make the invisible characters in `text` visible: `\0` becomes ␀, U+202E becomes ⟨U+202E⟩. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return "␡";
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/** Return at most `most` characters of `text`, without splitting a surrogate pair. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = /[\ud800-\udbff]/.test(text.charAt(most - 1)) ? most - 1 : most;
  return text.slice(0, end);
}

/** Return text from outside, ready to be shown: at most `most` characters, and … if it is longer. */
export function text(value: unknown, most = 200): string {
  const whole = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return visible(cut(whole, most)) + (whole.length > most ? "…" : "");
}
