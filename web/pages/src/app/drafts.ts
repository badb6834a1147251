// What was typed and is not saved yet: it outlives a reload of the tab, and goes with the tab or its sign-out.

const PREFIX = "iot-logic-draft:";

/** The draft of this name, or null. What it holds is for who reads it to check. */
export function readDraft(name: string): unknown {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + name) ?? "null");
  } catch {
    return null;
  }
}

/** Keep a draft. Where there is no room for it, it stays as long as the page does. */
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

/** How many there are. */
export function countDrafts(): number {
  return names().length;
}

export function forgetDrafts(): void {
  for (const name of names()) sessionStorage.removeItem(name);
}

function names(): string[] {
  return Object.keys(sessionStorage).filter((each) => each.startsWith(PREFIX));
}
