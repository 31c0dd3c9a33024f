/**
 * Lets a number of starts run at a time, because more would only take turns on the machine's cores. Pods that have begun go
 * before those that have not, so that under load the first are ready early instead of all late.
 */
export class StartTurns {
  readonly #limit: number;
  readonly #begun: (() => void)[] = [];
  readonly #fresh: (() => void)[] = [];
  #running = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Runs a task when it is its turn, and hands the turn on however it ends. */
  async run<T>(task: () => Promise<T>, options: { readonly begun: boolean }): Promise<T> {
    if (this.#running >= this.#limit) {
      const queue = options.begun ? this.#begun : this.#fresh;
      await new Promise<void>((resolve) => queue.push(resolve));
    } else this.#running += 1;
    try {
      return await task();
    } finally {
      // A turn is handed on as it is, so that nobody can slip in between.
      const next = this.#begun.shift() ?? this.#fresh.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
