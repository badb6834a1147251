// The current time, updated every second: one timer for all components that show how long ago something was.

class Now {
  time = $state.raw(new Date());

  constructor() {
    setInterval(() => { if (!document.hidden) this.time = new Date(); }, 1000);
    document.addEventListener("visibilitychange", () => (this.time = new Date()));
  }
}

export const now = new Now();
