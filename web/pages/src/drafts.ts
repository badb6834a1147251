// What was typed and is not saved yet: it outlives a reload of the tab, and goes with the tab.

const PREFIX = "iot-logic-draft:";

/** The draft of this name, or null. */
export function readDraft(name: string): unknown {
  const kept = sessionStorage.getItem(PREFIX + name);
  return kept === null ? null : JSON.parse(kept);
}

export function keepDraft(name: string, draft: unknown): void {
  sessionStorage.setItem(PREFIX + name, JSON.stringify(draft));
}

export function forgetDraft(name: string): void {
  sessionStorage.removeItem(PREFIX + name);
}
