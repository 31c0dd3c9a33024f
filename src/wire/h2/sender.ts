import type { FrameOutput } from "./frame-output.ts";
import { errorCode, H2Error, largestWindow, usualWindow } from "./protocol.ts";
import type { H2Stream } from "./stream.ts";

/** An answer's frame below this many bytes is a crumb, unless it is the last; one above the other makes up for a crumb. */
const crumb = 256;
const morsel = 4096;

/** Lets the streams of a connection send in turns, a frame each, as far as its window and its socket allow. */
export class Sender {
  readonly #output: FrameOutput;
  readonly #mostCrumbs: number;
  /** Streams that have something to send, in the order of their turns. */
  readonly #ready = new Set<H2Stream>();
  #window: number = usualWindow;
  #crumbs = 0;

  /** A client that opens its windows by crumbs may have so many frames of them. */
  constructor(output: FrameOutput, mostCrumbs: number) {
    this.#output = output;
    this.#mostCrumbs = mostCrumbs;
  }

  add(stream: H2Stream): void {
    this.#ready.add(stream);
  }

  delete(stream: H2Stream): void {
    this.#ready.delete(stream);
  }

  /** The client takes so many bytes more. Throws H2Error when that is more than a window holds. */
  widen(bytes: number): void {
    this.#window += bytes;
    if (this.#window > largestWindow) throw new H2Error(errorCode.flowControlError, "the window is too large");
  }

  /** Sends what can be sent. Throws H2Error when the client makes it a lot of work. */
  pump(): void {
    for (const stream of this.#ready) {
      if (this.#output.crowded) return;
      if (this.#window <= 0 && !stream.free) continue;
      this.#ready.delete(stream);
      const sent = stream.advance(this.#output, Math.max(0, this.#window));
      this.#window -= sent;
      if (stream.sendable) this.#ready.add(stream);
      if (sent >= morsel) this.#crumbs = Math.max(0, this.#crumbs - 1);
      else if (sent > 0 && sent < crumb && stream.interrupted) this.#crumbs += 1;
    }
    if (this.#crumbs > this.#mostCrumbs) throw new H2Error(errorCode.enhanceYourCalm, "windows open by crumbs");
  }
}
