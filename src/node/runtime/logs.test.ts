import { appendFile, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";
import { diskLogFiles } from "./log-files.ts";
import { formatLogLine, LogSelector, parseLogLine, rfc3339Nano } from "./log-lines.ts";
import { type LogRequest, readLog } from "./logs.ts";

const at = (second: number) => Date.UTC(2026, 0, 1, 0, 0, second);
const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();
const bytes = (value: string) => new TextEncoder().encode(value);

describe("a line of a log file", () => {
  test("is taken apart into time, stream, tag and content", () => {
    const line = parseLogLine(bytes("2016-10-06T00:17:09.669794202Z stderr P a b  c"))!;
    expect({ ...line, content: text(line.content) }).toEqual({
      time: "2016-10-06T00:17:09.669794202Z",
      stream: "stderr",
      partial: true,
      content: "a b  c",
    });
  });

  test.each([
    ["has no tags", "2016-10-06T00:17:09Z stdout"],
    ["is of a stream that nobody knows", "2016-10-06T00:17:09Z stdlog F x"],
    ["has a tag that nobody knows", "2016-10-06T00:17:09Z stdout X x"],
    ["has no time", "yesterday stdout F x"],
    ["is empty", ""],
  ])("is left out when it %s", (_, line) => {
    expect(parseLogLine(bytes(line))).toBeUndefined();
  });

  test("may have no content", () => {
    expect(text(parseLogLine(bytes("2016-10-06T00:17:09Z stdout F"))?.content)).toBe("");
  });

  test("is read as it was written", () => {
    const line = parseLogLine(bytes(formatLogLine(at(1) + 0.25, "stdout", "hello").slice(0, -1)))!;
    expect([line.time, text(line.content)]).toEqual(["2026-01-01T00:00:01.000250000Z", "hello"]);
  });

  test("has a time whose fraction may round up to the next millisecond", () => {
    expect(rfc3339Nano(at(0) + 0.9999999)).toBe("2026-01-01T00:00:00.001000000Z");
  });
});

describe("a selection", () => {
  const select = (selection: ConstructorParameters<typeof LogSelector>[0], ...pieces: string[]) => {
    const selector = new LogSelector(selection);
    return pieces.map((piece) => text(selector.take(bytes(piece)))).join("") + text(selector.finish());
  };
  const three =
    formatLogLine(at(1), "stdout", "one") +
    formatLogLine(at(2), "stderr", "two") +
    formatLogLine(at(3), "stdout", "three");

  test("joins pieces of one line, with one time in front", () => {
    const split = formatLogLine(at(1), "stdout", "ab", true) + formatLogLine(at(2), "stdout", "cd");
    expect(select({ timestamps: true }, split)).toBe("2026-01-01T00:00:01.000000000Z abcd\n");
  });

  test("leaves out what is older", () => {
    expect(select({ since: at(2) }, three)).toBe("two\nthree\n");
  });

  test("keeps to one stream", () => {
    expect(select({ stream: "Stderr" }, three)).toBe("two\n");
  });

  test("stops within a line at the byte limit, times included", () => {
    expect(select({ limitBytes: 5 }, three)).toBe("one\nt");
    expect(select({ limitBytes: 4, timestamps: true }, three)).toBe("2026");
  });

  test("does not depend on where the pieces are cut", () => {
    for (let cut = 0; cut <= three.length; cut++) {
      expect(select({}, three.slice(0, cut), three.slice(cut))).toBe("one\ntwo\nthree\n");
    }
  });
});

describe("reading a log file", () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "navarch-logs-"));
    path = join(directory, "0.log");
  });
  afterEach(() => rm(directory, { recursive: true }));

  const line = (content: string) => formatLogLine(at(0), "stdout", content);
  const open = (request: LogRequest, running: () => boolean | Promise<boolean> = () => false) => {
    const stop = new AbortController();
    const context = {
      files: diskLogFiles(systemClock),
      clock: systemClock,
      signal: stop.signal,
      running: async () => running(),
    };
    return { stop, log: readLog(path, request, context) };
  };
  const all = async (request: LogRequest) => {
    let out = "";
    for await (const piece of open(request).log) out += text(piece);
    return out;
  };

  test("gives everything up to the end", async () => {
    await writeFile(path, line("a") + line("b"));
    expect(await all({})).toBe("a\nb\n");
  });

  test("fails when there is none", async () => {
    await expect(all({})).rejects.toMatchObject({ code: "missing" });
  });

  test.each([
    { tailLines: 0, out: "" },
    { tailLines: 1, out: "c\n" },
    { tailLines: 2, out: "b\nc\n" },
    { tailLines: 9, out: "a\nb\nc\n" },
  ])("gives the last $tailLines lines", async ({ tailLines, out }) => {
    await writeFile(path, line("a") + line("b") + line("c"));
    expect(await all({ tailLines })).toBe(out);
  });

  test("finds the last lines of a file of many chunks", async () => {
    const lines = Array.from({ length: 5_000 }, (_, index) => line(`line ${index} ${"x".repeat(50)}`));
    await writeFile(path, lines.join(""));
    const out = await all({ tailLines: 3_000 });
    expect(out.split("\n")).toHaveLength(3_001);
    expect(out.startsWith("line 2000 ")).toBe(true);
  });

  test("refuses the last lines of one stream, as upstream does", async () => {
    await writeFile(path, line("a"));
    await expect(all({ tailLines: 1, stream: "Stdout" })).rejects.toMatchObject({ code: "invalid" });
  });

  test("follows what is written later, across a rotation, until the container ends", async () => {
    await writeFile(path, line("a"));
    let running = true;
    const { log } = open({ follow: true }, () => running);
    const next = async () => text((await log.next()).value ?? undefined);
    expect(await next()).toBe("a\n");
    const b = next();
    await appendFile(path, line("b"));
    expect(await b).toBe("b\n");
    const c = next();
    await rename(path, `${path}.1`);
    await appendFile(`${path}.1`, line("c"));
    expect(await c).toBe("c\n");
    const d = next();
    await writeFile(path, line("d"));
    expect(await d).toBe("d\n");
    running = false;
    await appendFile(path, line("e"));
    let rest = "";
    for await (const piece of log) rest += text(piece);
    expect(rest).toBe("e\n");
  });

  test("follows a file that is not there yet", async () => {
    let running = true;
    const { log } = open({ follow: true }, () => running);
    const first = log.next();
    await writeFile(path, line("a"));
    expect(text((await first).value ?? undefined)).toBe("a\n");
    running = false;
    expect((await log.next()).done).toBe(true);
  });

  test("ends when the container ended without ever writing", async () => {
    expect(await all({ follow: true })).toBe("");
  });

  test("gives out what is written while the runtime does not say whether the container runs", async () => {
    await writeFile(path, line("a"));
    const asked = Promise.withResolvers<boolean>();
    const { log } = open({ follow: true }, () => asked.promise);
    await log.next();
    const b = log.next();
    await appendFile(path, line("b"));
    expect(text((await b).value ?? undefined)).toBe("b\n");
    const end = log.next();
    asked.resolve(false);
    expect((await end).done).toBe(true);
  });

  test("goes on following when the runtime could not be asked once", async () => {
    await writeFile(path, line("a"));
    const answers: (() => boolean)[] = [
      () => {
        throw new Fault("unavailable", "the runtime is away");
      },
      () => true,
    ];
    const { log } = open({ follow: true }, () => answers.shift()?.() ?? false);
    let out = "";
    for await (const piece of log) out += text(piece);
    expect(out).toBe("a\n");
    expect(answers).toEqual([]);
  });

  test("follows from the last lines to the byte limit", async () => {
    await writeFile(path, line("a") + line("b"));
    const { log } = open({ follow: true, tailLines: 1, limitBytes: 3 }, () => true);
    expect(text((await log.next()).value ?? undefined)).toBe("b\n");
    await appendFile(path, line("cd"));
    expect(text((await log.next()).value ?? undefined)).toBe("c");
    expect((await log.next()).done).toBe(true);
  });

  test("stops following when told to", async () => {
    await writeFile(path, line("a"));
    const { stop, log } = open({ follow: true }, () => true);
    await log.next();
    const end = log.next();
    stop.abort();
    expect((await end).done).toBe(true);
  });
});
