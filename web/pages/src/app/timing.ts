// Waiting.

/** Wait, or stop waiting when `signal` is aborted. */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}

/** Calls `act` with the last value, `milliseconds` after the last call of `call`: when somebody has stopped typing. */
export class Debounced<T> {
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly act: (value: T) => void, readonly milliseconds: number) {}

  /** Whether a call is waiting. */
  get pending(): boolean {
    return this.#timer !== undefined;
  }

  call(value: T): void {
    this.cancel();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.act(value);
    }, this.milliseconds);
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
