// The colour theme: light, dark, or the system's. This browser remembers the choice.

export type Theme = "system" | "light" | "dark";

const KEY = "iot-logic-theme";
const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };

class Chosen {
  name = $state<Theme>(remembered());
  /** Increases with every change of colours, also of the system's. Components that draw on a canvas track it. */
  revision = $state(0);

  constructor() {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.revision++);
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
    this.revision++;
  }
}

function remembered(): Theme {
  const name = localStorage.getItem(KEY);
  return name === "light" || name === "dark" ? name : "system";
}

export const theme = new Chosen();

/** Return the computed value of a colour in tokens.css, for a canvas. */
export function colour(token: string): string {
  const probe = document.createElement("span");
  probe.style.color = `var(--${token})`;
  probe.hidden = true;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
