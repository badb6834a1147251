// Short messages about the last actions. Screen readers read them out. They disappear by themselves; errors stay.

import { asProblem } from "../api/problem";

export interface Toast {
  id: number;
  text: string;
  problem: boolean;
}

const SECONDS = 8;
let next = 1;

class Toasts {
  list = $state.raw<readonly Toast[]>([]);

  drop(id: number): void {
    this.list = this.list.filter((each) => each.id !== id);
  }

  add(text: string, problem: boolean): void {
    const id = next++;
    this.list = [...this.list.slice(-4), { id, text, problem }];
    if (!problem) setTimeout(() => this.drop(id), SECONDS * 1000);
  }
}

export const toasts = new Toasts();

/** Show that an action succeeded. */
export function say(text: string): void {
  toasts.add(text, false);
}

/** Show that an action failed, and why. */
export function sayProblem(error: unknown): void {
  toasts.add(asProblem(error).message, true);
}
