/** A priority level's claims to the server's seats. */
export interface SeatClaim {
  readonly name: string;
  /** Never fewer: what it does not lend, and what it is using of its own. */
  readonly least: number;
  /** Never more. */
  readonly most: number;
  /** What it seems to need. */
  readonly target: number;
}

/**
 * Shares the seats out: each level gets its target times one factor, the same for all, between its least and its most,
 * and the factor is what uses up all seats. With fewer seats than all least ones together, each gets its least.
 */
export function allocateSeats(seats: number, claims: readonly SeatClaim[]): ReadonlyMap<string, number> {
  const given = (factor: number) =>
    claims.map(({ least, most, target }) => Math.min(most, Math.max(least, factor * target)));
  const total = (factor: number) => given(factor).reduce((sum, value) => sum + value, 0);
  let low = 0;
  let high = 1;
  while (total(high) < seats && high < 1e9) high *= 2;
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (total(middle) > seats) high = middle;
    else low = middle;
  }
  const shares = given(low);
  return new Map(claims.map(({ name }, index) => [name, Math.max(1, Math.round(shares[index] ?? 1))]));
}

const smoothing = 0.977;

/** How many seats a level wanted: the average, spread and peak of a period, and what follows for the next. */
export class SeatDemand {
  #since: number;
  #start: number;
  #now = 0;
  #sum = 0;
  #squares = 0;
  #peak = 0;
  #smoothed = 0;

  constructor(now: number) {
    this.#since = now;
    this.#start = now;
  }

  get peak(): number {
    return this.#peak;
  }

  /** The demand is this from now on. */
  set(demand: number, now: number): void {
    const took = now - this.#since;
    if (took > 0) {
      this.#sum += this.#now * took;
      this.#squares += this.#now * this.#now * took;
      this.#since = now;
    }
    this.#now = demand;
    if (demand > this.#peak) this.#peak = demand;
  }

  /** Ends a period: the target for the next, which rises at once and falls slowly, and the peak of this one. */
  period(now: number): { readonly target: number; readonly peak: number } {
    this.set(this.#now, now);
    const took = now - this.#start;
    const average = took > 0 ? this.#sum / took : this.#now;
    const spread = took > 0 ? Math.sqrt(Math.max(0, this.#squares / took - average * average)) : 0;
    const envelope = Math.min(this.#peak, average + spread);
    this.#smoothed = Math.max(envelope, smoothing * this.#smoothed + (1 - smoothing) * envelope);
    const peak = this.#peak;
    this.#start = now;
    this.#sum = 0;
    this.#squares = 0;
    this.#peak = this.#now;
    return { target: this.#smoothed, peak };
  }
}
