import { Fault } from "../../lib/fault.ts";

/** How a body's bytes are used: each is told once, when it has left the buffer that its window stands for. */
export type Consumed = (bytes: number) => void;

const nothing = new Uint8Array(0);
const fewChunks = 64;
const smallChunk = 1024;

/** A request's body between the connection that it comes from and the handler that reads it, or does not. */
export class RequestBody {
  readonly #consumed: Consumed;
  #chunks: Uint8Array[] = [];
  #size = 0;
  /** Set once the body is wanted in one piece: everything is taken in as it comes. */
  #limit = -1;
  #state: "open" | "ended" | "gone" = "open";
  #unwanted = false;
  #whole: PromiseWithResolvers<Uint8Array> | undefined;
  #wake: (() => void) | undefined;

  constructor(consumed: Consumed) {
    this.#consumed = consumed;
  }

  /** Bytes that came and count against the windows still. */
  get unread(): number {
    return this.#limit >= 0 ? 0 : this.#size;
  }

  push(chunk: Uint8Array): void {
    if (this.#unwanted) {
      this.#consumed(chunk.length);
      return;
    }
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    // A body in crumbs would hold many times its size in objects.
    if (this.#chunks.length >= fewChunks && this.#size < this.#chunks.length * smallChunk) {
      this.#chunks = [Buffer.concat(this.#chunks, this.#size)];
    }
    if (this.#limit >= 0) {
      this.#consumed(chunk.length);
      this.#settle();
    } else this.#wake?.();
  }

  /** No more comes: the client has said it all, or has left. */
  end(state: "ended" | "gone"): void {
    if (this.#state !== "open") return;
    this.#state = state;
    this.#settle();
    this.#wake?.();
  }

  /** As HttpRequest has it. */
  whole(limit: number): Promise<Uint8Array> {
    const unread = this.unread;
    this.#limit = limit;
    this.#whole ??= Promise.withResolvers<Uint8Array>();
    const { promise } = this.#whole;
    if (unread > 0) this.#consumed(unread);
    this.#settle();
    return promise;
  }

  /** As HttpRequest has it. */
  chunks(): AsyncIterable<Uint8Array> {
    const body = this;
    return {
      [Symbol.asyncIterator]: () => ({
        next: () => body.#next(),
        async return() {
          body.discard();
          return { done: true, value: undefined };
        },
      }),
    };
  }

  /** Nobody reads it: what came and what comes is let go, so that its client gets to read the answer. */
  discard(): void {
    const { unread } = this;
    this.#unwanted = true;
    this.#chunks = [];
    this.#size = 0;
    if (unread > 0) this.#consumed(unread);
  }

  /** The stream is over: whoever still waits for bytes is told that its client left. */
  abandon(): void {
    if (this.#state === "ended" && this.unread > 0) this.#state = "gone";
    this.end("gone");
    this.discard();
  }

  async #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) {
        this.#size -= chunk.length;
        this.#consumed(chunk.length);
        return { done: false, value: chunk };
      }
      if (this.#state === "gone") throw new Fault("aborted", "the client went away");
      if (this.#state === "ended" || this.#unwanted) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  #settle(): void {
    const whole = this.#whole;
    if (!whole) return;
    if (this.#size > this.#limit) {
      whole.reject(new Fault("exhausted", `the request body is longer than ${this.#limit} bytes`));
      this.discard();
    } else if (this.#state === "ended") {
      const [first = nothing] = this.#chunks;
      whole.resolve(this.#chunks.length > 1 ? Buffer.concat(this.#chunks, this.#size) : first);
    } else if (this.#state === "gone") whole.reject(new Fault("aborted", "the client went away"));
  }
}
