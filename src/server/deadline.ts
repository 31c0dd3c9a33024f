import type { Clock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import { StatusError } from "../machinery/status-error.ts";
import { parseDuration } from "../machinery/times.ts";
import type { RequestInfo } from "./request-info.ts";

const usual = 60_000;

/** Ends the wait for answers that do not come, as `--request-timeout`: whoever waits holds a seat meanwhile. */
export class Deadline {
  readonly #clock: Clock;
  readonly #longest: number;

  /** Milliseconds that an answer may take; default a minute. */
  constructor(clock: Clock, longest = usual) {
    this.#clock = clock;
    this.#longest = longest;
  }

  /**
   * What `answer` comes to. Throws Fault `timeout` when that takes longer than the server allows, or the request itself by
   * `?timeout=`; BadRequest when the latter is no duration. What has been begun is not undone.
   */
  within<T>({ query }: RequestInfo, answer: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const asked = query.get("timeout");
      const allowed = asked ? Math.min(durationOf(asked) || this.#longest, this.#longest) : this.#longest;
      const timer = this.#clock.after(allowed, () => {
        reject(new Fault("timeout", "Timeout: request did not complete within the allotted timeout"));
      });
      answer().then(
        (value) => {
          timer[Symbol.dispose]();
          resolve(value);
        },
        (error: unknown) => {
          timer[Symbol.dispose]();
          reject(error);
        },
      );
    });
  }
}

function durationOf(text: string): number {
  try {
    return Math.max(Number(parseDuration(text)) / 1_000_000, 0);
  } catch (error) {
    throw new StatusError("BadRequest", `invalid timeout specified in the request URL - ${errorMessage(error)}`);
  }
}
