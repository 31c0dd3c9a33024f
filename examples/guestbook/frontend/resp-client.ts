import { connect, type Socket } from "node:net";

/** A value that Redis answers with; its errors reject the command instead. */
export type RespValue = string | number | null | readonly RespValue[];

/** Speaks to one Redis server over one connection, which it opens when needed and again after a failure. */
export interface RedisClient extends Disposable {
  /** Sends a command; rejects when the server is unreachable, silent for too long, or answers with an error. */
  command(...words: readonly string[]): Promise<RespValue>;
}

interface Waiting {
  resolve(value: RespValue): void;
  reject(error: Error): void;
}

/** A client of the server at a host name, which is looked up at every connection, so that a moved service is found again. */
export function redisClient(options: {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs?: number;
}): RedisClient {
  const timeoutMs = options.timeoutMs ?? 3000;
  let current: { readonly socket: Socket; readonly waiting: Waiting[] } | undefined;

  const open = () => {
    const socket = connect({ host: options.host, port: options.port, noDelay: true });
    const waiting: Waiting[] = [];
    let received: Buffer = Buffer.alloc(0);
    const end = (error: Error) => {
      if (current?.socket === socket) current = undefined;
      socket.destroy();
      for (const one of waiting.splice(0)) one.reject(error);
    };
    // Answers come in the order of commands, so one silent answer makes the whole connection useless.
    socket.setTimeout(timeoutMs, () => {
      if (waiting.length > 0) end(new Error(`${options.host}:${options.port} did not answer within ${timeoutMs} ms`));
    });
    socket.on("error", end);
    socket.on("close", () => end(new Error(`${options.host}:${options.port} closed the connection`)));
    socket.on("data", (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      try {
        for (let answer = parseResp(received, 0); answer; answer = parseResp(received, 0)) {
          received = received.subarray(answer.next);
          const one = waiting.shift();
          if (answer.value instanceof Error) one?.reject(answer.value);
          else one?.resolve(answer.value);
        }
      } catch (error) {
        end(error instanceof Error ? error : new Error(String(error)));
      }
    });
    return { socket, waiting };
  };

  return {
    command: (...words) =>
      new Promise((resolve, reject) => {
        current ??= open();
        current.waiting.push({ resolve, reject });
        current.socket.write(encodeCommand(words));
      }),
    [Symbol.dispose]: () => current?.socket.destroy(),
  };
}

/** A command as Redis reads it: an array of bulk strings. */
export function encodeCommand(words: readonly string[]): string {
  return [`*${words.length}\r\n`, ...words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`)].join("");
}

/** Reads one value at an offset; undefined when its end has not arrived yet. Throws on what is not RESP. */
export function parseResp(
  bytes: Buffer,
  at: number,
): { readonly value: RespValue | Error; readonly next: number } | undefined {
  const lineEnd = bytes.indexOf("\r\n", at);
  if (lineEnd < 0) return undefined;
  const kind = String.fromCharCode(bytes[at] ?? 0);
  const line = bytes.toString("utf8", at + 1, lineEnd);
  const next = lineEnd + 2;
  switch (kind) {
    case "+":
      return { value: line, next };
    case "-":
      return { value: new Error(line), next };
    case ":":
      return { value: Number(line), next };
    case "$": {
      const length = Number(line);
      if (length < 0) return { value: null, next };
      if (bytes.length < next + length + 2) return undefined;
      return { value: bytes.toString("utf8", next, next + length), next: next + length + 2 };
    }
    case "*": {
      const values: RespValue[] = [];
      let place = next;
      for (let count = Number(line); count > 0; count--) {
        const inner = parseResp(bytes, place);
        if (!inner) return undefined;
        if (inner.value instanceof Error) return { value: inner.value, next: inner.next };
        values.push(inner.value);
        place = inner.next;
      }
      return { value: Number(line) < 0 ? null : values, next: place };
    }
    default:
      throw new Error(`not an answer of Redis: ${JSON.stringify(kind)}`);
  }
}
