import { Buffer } from "node:buffer";
import type { Duplex, Readable, Writable } from "node:stream";
import { Fault } from "../lib/fault.ts";

/** What comes out of a stream. Unlike plain iteration it leaves the stream alone at its end: its other direction may still be wanted. */
export function chunksOf(source: Readable): AsyncIterable<Buffer> {
  return source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}

/** Copies until the source ends and the target has taken everything; does not end the target. A target that is gone cancels the source; a source that fails rejects. */
export async function drainInto(source: Readable, target: Writable): Promise<void> {
  for await (const chunk of chunksOf(source)) {
    if (target.destroyed || target.writableEnded) {
      source.destroy();
      return;
    }
    if (!target.write(chunk)) await untilDrained(target);
  }
  await flushed(target);
}

/** Ends a writable and waits until all of it is flushed, or it is gone. */
export function finish(target: Writable): Promise<void> {
  if (target.destroyed || target.writableFinished) return Promise.resolve();
  return new Promise((resolve) => {
    target.once("close", resolve);
    target.once("finish", resolve);
    target.end();
  });
}

/** Reads a stream to its end as text, of which more than `maxBytes` is dropped. Rejects when the stream fails. */
export async function readText(source: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const data of chunksOf(source)) {
    if (length < maxBytes) chunks.push(data.subarray(0, maxBytes - length));
    length += data.length;
  }
  return Buffer.concat(chunks).toString();
}

/**
 * Connects two duplex streams: bytes, ends and backpressure go both ways; the failure of one destroys the other.
 * Resolves when both are done, with the error that ended it, if it was one.
 */
export function join(left: Duplex, right: Duplex): Promise<Error | undefined> {
  return new Promise((resolve) => {
    let open = 2;
    let failure: Error | undefined;
    const watch = (one: Duplex, other: Duplex) => {
      one.once("error", (error) => {
        failure ??= error;
        other.destroy(error);
      });
      one.once("close", () => {
        // Closed before it had said and heard everything: the other side must not wait for more.
        if (!one.readableEnded || !one.writableFinished) {
          failure ??= new Fault("unavailable", "connection closed before its end");
          other.destroy();
        }
        open -= 1;
        if (open === 0) resolve(failure);
      });
      one.on("error", () => {});
    };
    watch(left, right);
    watch(right, left);
    left.pipe(right);
    right.pipe(left);
  });
}

function untilDrained(target: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      target.off("drain", done);
      target.off("close", done);
      resolve();
    };
    target.on("drain", done);
    target.on("close", done);
  });
}

function flushed(target: Writable): Promise<void> {
  if (target.destroyed || target.writableEnded || target.writableLength === 0) return Promise.resolve();
  return new Promise((resolve) => {
    target.once("close", resolve);
    target.write(Buffer.alloc(0), () => resolve());
  });
}
