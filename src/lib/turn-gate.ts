/**
 * Lets so many pass in one turn of the event loop; the others wait for the next turns, in the order they came. Work that goes
 * on without waiting for anything outside the process would otherwise never let timers and sockets have theirs.
 */
export class TurnGate {
  readonly #perTurn: number;
  readonly #waiting: (() => void)[] = [];
  #left: number;
  #turning = false;

  constructor(perTurn: number) {
    this.#perTurn = perTurn;
    this.#left = perTurn;
  }

  /** Undefined for who may go on at once; otherwise resolves in the turn in which it may. */
  pass(): Promise<void> | undefined {
    if (!this.#turning) {
      this.#turning = true;
      setImmediate(this.#turn);
    }
    if (this.#left > 0) {
      this.#left -= 1;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  readonly #turn = (): void => {
    const next = this.#waiting.splice(0, this.#perTurn);
    this.#left = this.#perTurn - next.length;
    this.#turning = next.length > 0;
    if (this.#turning) setImmediate(this.#turn);
    for (const resolve of next) resolve();
  };
}
