import { headersOf, LoadConnection, type Target } from "./h2-connection.ts";

/** Requests sent one after the other on each of several connections, for a time or until there were enough. */
export interface RequestJob {
  readonly kind: "requests";
  readonly target: Target;
  readonly connections: number;
  readonly seconds?: number;
  /** In all. */
  readonly count?: number;
  readonly method: string;
  /** `@NAME@` in the path and body is put in anew for each request; every name has the same length. */
  readonly path: string;
  readonly body?: string;
  /** Tells the names of different jobs apart. */
  readonly prefix?: string;
  /** Milliseconds between two requests of one connection. */
  readonly pause?: number;
}

export interface RequestResult {
  readonly answered: number;
  readonly failed: number;
  readonly firstFailure: string;
  readonly seconds: number;
  readonly perSecond: number;
  readonly answerBytes: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

/** One request after the other, each timed on its own. */
export interface ReadJob {
  readonly kind: "reads";
  readonly target: Target;
  readonly path: string;
  readonly rounds: number;
}

export interface ReadResult {
  readonly bytes: number;
  /** Milliseconds, the middle of all rounds. */
  readonly firstByte: number;
  readonly whole: number;
}

/** Opens watches that stay open until the process ends or `unwatch`. */
export interface WatchJob {
  readonly kind: "watch";
  readonly target: Target;
  readonly path: string;
  readonly streams: number;
  readonly connections: number;
}

/** Resolves when every open watch has seen so many lines. */
export interface SeenJob {
  readonly kind: "seen";
  readonly lines: number;
}

export interface UnwatchJob {
  readonly kind: "unwatch";
}

export type Job = RequestJob | ReadJob | WatchJob | SeenJob | UnwatchJob;

const placeholder = "@NAME@";

export async function runRequests(job: RequestJob): Promise<RequestResult> {
  const connections = await Promise.all(Array.from({ length: job.connections }, () => LoadConnection.open(job.target)));
  const named = job.path.includes(placeholder);
  const nameOf = (index: number) => `${job.prefix ?? "n"}-${String(index).padStart(8, "0")}`;
  const bodyOf = (index: number) =>
    job.body === undefined ? undefined : Buffer.from(job.body.replaceAll(placeholder, nameOf(index)));
  const blockOf = (index: number) => {
    const path = job.path.replaceAll(placeholder, nameOf(index));
    return headersOf(job.target, { method: job.method, path, bodyBytes: bodyOf(index)?.length });
  };
  const fixedBlock = blockOf(0);
  const times: number[] = [];
  let sent = 0;
  let failed = 0;
  let firstFailure = "";
  let answerBytes = 0;
  const began = performance.now();
  const until = job.seconds === undefined ? Number.POSITIVE_INFINITY : began + job.seconds * 1000;
  const most = job.count ?? Number.POSITIVE_INFINITY;
  const work = async (connection: LoadConnection) => {
    for (let at = performance.now(); at < until && sent < most; at = performance.now()) {
      const index = sent++;
      const { status, bytes, text } = await connection.request(named ? blockOf(index) : fixedBlock, bodyOf(index));
      times.push(performance.now() - at);
      answerBytes = bytes;
      if (status >= 200 && status < 300) {
        if (job.pause) await sleep(job.pause);
        continue;
      }
      failed += 1;
      firstFailure ||= `${status} ${text.slice(0, 300)}`;
    }
  };
  await Promise.all(connections.map(work));
  const seconds = (performance.now() - began) / 1000;
  for (const connection of connections) connection[Symbol.dispose]();
  times.sort((a, b) => a - b);
  return {
    answered: times.length - failed,
    failed,
    firstFailure,
    seconds,
    perSecond: (times.length - failed) / seconds,
    answerBytes,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
  };
}

export async function runReads({ target, path, rounds }: ReadJob): Promise<ReadResult> {
  using connection = await LoadConnection.open(target);
  const block = headersOf(target, { method: "GET", path });
  const first: number[] = [];
  const whole: number[] = [];
  let size = 0;
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    const { bytes, firstByteAt, endAt } = await connection.request(block);
    first.push(firstByteAt - began);
    whole.push(endAt - began);
    size = bytes;
  }
  first.sort((a, b) => a - b);
  whole.sort((a, b) => a - b);
  return { bytes: size, firstByte: quantile(first, 0.5), whole: quantile(whole, 0.5) };
}

/** The watches that this process has open. */
export class OpenWatches {
  #connections: LoadConnection[] = [];
  #counts: number[] = [];
  #wanted = Number.POSITIVE_INFINITY;
  #behind = 0;
  #reached: (() => void) | undefined;

  async open({ target, path, streams, connections }: WatchJob): Promise<void> {
    const block = headersOf(target, { method: "GET", path });
    this.#connections = await Promise.all(Array.from({ length: connections }, () => LoadConnection.open(target)));
    this.#counts = Array.from({ length: streams }, () => 0);
    await Promise.all(
      this.#counts.map((_, index) => {
        const connection = this.#connections[index % connections]!;
        return new Promise<void>((resolve, reject) => {
          const onData = (chunk: Buffer) => this.#count(index, chunk);
          connection.request(block, undefined, { onData, opened: resolve }).catch(reject);
        });
      }),
    );
  }

  /** Resolves when every watch has seen so many lines. */
  async seen(lines: number): Promise<void> {
    this.#wanted = lines;
    this.#behind = this.#counts.filter((count) => count < lines).length;
    if (this.#behind === 0) return;
    await new Promise<void>((resolve) => {
      this.#reached = resolve;
    });
  }

  close(): void {
    for (const connection of this.#connections) connection[Symbol.dispose]();
    this.#connections = [];
    this.#counts = [];
  }

  #count(index: number, chunk: Buffer): void {
    const before = this.#counts[index]!;
    let count = before;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) count += 1;
    this.#counts[index] = count;
    if (before < this.#wanted && count >= this.#wanted && --this.#behind === 0) this.#reached?.();
  }
}

/** The value below which this share of the sorted values lies. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
