import { type ChildProcess, fork } from "node:child_process";
import { Fault } from "../../../src/lib/fault.ts";
import type { Job, ReadJob, ReadResult, RequestJob, RequestResult } from "./jobs.ts";

/** The load generator's process, seen from the one that measures. */
export class Generator implements Disposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #next = 1;

  constructor() {
    this.#child = fork(new URL("./process.ts", import.meta.url));
    this.#child.on("message", (message: { id: number; result?: unknown; error?: string }) => {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error === undefined) waiting?.resolve(message.result);
      else waiting?.reject(new Fault("internal", `the load generator: ${message.error}`));
    });
    this.#child.on("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Fault("closed", "the load generator ended"));
    });
  }

  /** Throws Fault `internal` when a request was not answered with success. */
  async requests(job: Omit<RequestJob, "kind">): Promise<RequestResult> {
    const result = (await this.run({ kind: "requests", ...job })) as RequestResult;
    if (result.failed > 0) {
      throw new Fault("internal", `${result.failed} of ${job.method} ${job.path} failed: ${result.firstFailure}`);
    }
    return result;
  }

  async reads(job: Omit<ReadJob, "kind">): Promise<ReadResult> {
    return (await this.run({ kind: "reads", ...job })) as ReadResult;
  }

  run(job: Job): Promise<unknown> {
    const id = this.#next++;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#child.send({ id, job });
    return waiting.promise;
  }

  [Symbol.dispose](): void {
    this.#child.removeAllListeners("exit");
    if (this.#child.connected) this.#child.disconnect();
    this.#child.kill();
  }
}
