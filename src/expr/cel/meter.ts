/** Thrown through an evaluation that has used up its budget; never leaves the engine. */
export class OverBudget {
  readonly message = "operation cancelled: actual cost limit exceeded";
}

/** Counts what an evaluation costs and stops it at its limit. */
export class Meter {
  readonly #limit: number;
  #spent = 0;
  #visits = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Costs so far. */
  get spent(): number {
    return this.#spent;
  }

  /** Adds to the cost; throws OverBudget beyond the limit. */
  charge(cost: number): void {
    this.#spent += cost;
    if (this.#spent > this.#limit) throw new OverBudget();
  }

  /**
   * Counts elements looked at that the cost model does not price, so that values which share their parts (and are
   * small in memory, but endless to walk) cannot keep an evaluation going.
   */
  visit(elements = 1): void {
    this.#visits += elements;
    if (this.#visits > this.#limit + 1_000_000) throw new OverBudget();
  }
}
