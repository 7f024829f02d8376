/** Runs one job at a time. Asks that arrive while it runs become one further run, which starts when it ends. */
export class RestartQueue {
  private running: Promise<void> | undefined;
  private pending: Promise<void> | undefined;

  constructor(private readonly job: () => Promise<void>) {}

  /** Resolves when a run that started after this call has ended. */
  request(): Promise<void> {
    if (this.running === undefined) return this.begin();
    this.pending ??= this.running
      .catch(() => undefined)
      .then(() => {
        this.pending = undefined;
        return this.begin();
      });
    return this.pending;
  }

  private begin(): Promise<void> {
    const run = this.job().finally(() => {
      if (this.running === run) this.running = undefined;
    });
    this.running = run;
    return run;
  }
}
