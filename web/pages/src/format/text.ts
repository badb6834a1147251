// Text from outside, made safe to look at. Svelte shows it as text; here it is kept from deceiving the eye.
//
// Characters that turn the direction of writing, break lines or cannot be seen are shown as what they are.

/** C0 and C1 controls but tab and newline, bidirectional controls, separators, BOM, tags, lone surrogates. */
export const UNSEEN =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}\p{Cs}]/gu;

/** Show in `text` what cannot be seen: `\0` as ␀, U+202E as ⟨U+202E⟩. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCodePoint(0x2400 + code);
    if (code === 0x7f) return "␡";
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/** At most so many characters of `text`, never half of one. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = /[\ud800-\udbff]/.test(text.charAt(most - 1)) ? most - 1 : most;
  return text.slice(0, end);
}

/** A text from outside, to be shown: `most` characters of it, with … where there are more. */
export function text(value: unknown, most = 200): string {
  const whole = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
  return visible(cut(whole, most)) + (whole.length > most ? "…" : "");
}
