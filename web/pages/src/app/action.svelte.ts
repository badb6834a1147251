// Something that the reader starts, such as a save or a deletion.

import { sayProblem } from "./toasts.svelte";

export class Action {
  /** True while it runs: its button is then disabled. */
  busy = $state(false);

  /** Run `work`, and show a message if it fails. `done` is called in both cases. Returns whether it succeeded. */
  async run(work: () => Promise<void>, done?: () => void): Promise<boolean> {
    this.busy = true;
    try {
      await work();
      return true;
    } catch (error) {
      sayProblem(error);
      return false;
    } finally {
      this.busy = false;
      done?.();
    }
  }
}
