// Light, dark, or as the system has it; remembered in this browser.

export type Theme = "system" | "light" | "dark";

const KEY = "iot-logic-theme";
const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };

class Chosen {
  name = $state<Theme>(remembered());
  /** Changes with every change of colours, also of the system's. What draws by itself reads it. */
  turn = $state(0);

  constructor() {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.turn++);
  }

  choose(name: Theme): void {
    this.name = name;
    localStorage.setItem(KEY, name);
    this.apply();
  }

  next(): void {
    this.choose(NEXT[this.name]);
  }

  apply(): void {
    const root = document.documentElement;
    if (this.name === "system") delete root.dataset["theme"];
    else root.dataset["theme"] = this.name;
    this.turn++;
  }
}

function remembered(): Theme {
  const name = localStorage.getItem(KEY);
  return name === "light" || name === "dark" ? name : "system";
}

export const theme = new Chosen();

/** A colour of tokens.css as the browser has computed it, for a canvas. */
export function colour(token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${token})`;
  probe.hidden = true;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
