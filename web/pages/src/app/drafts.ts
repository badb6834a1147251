// Drafts: text that was typed and is not saved. They survive a reload, and are deleted with the tab or at sign-out.

const PREFIX = "iot-logic-draft:";

/** Return the draft of this name, or null. The caller must check its type. */
export function readDraft(name: string): unknown {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + name) ?? "null");
  } catch {
    return null;
  }
}

/** Store a draft. If the storage is full, the draft lives only as long as the page. */
export function keepDraft(name: string, draft: unknown): void {
  try {
    sessionStorage.setItem(PREFIX + name, JSON.stringify(draft));
  } catch {
    forgetDraft(name);
  }
}

export function forgetDraft(name: string): void {
  sessionStorage.removeItem(PREFIX + name);
}

/** Return the number of drafts. */
export function countDrafts(): number {
  return names().length;
}

export function forgetDrafts(): void {
  for (const name of names()) sessionStorage.removeItem(name);
}

function names(): string[] {
  return Object.keys(sessionStorage).filter((each) => each.startsWith(PREFIX));
}
