import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runtimeAnnotations } from "../runtime/labels.ts";
import { MemoryLogs } from "../runtime/simulated-logs.ts";
import { observedOf, observedPod } from "../testing/samples.ts";
import { makeTerminationLog, TerminationMessages } from "./termination-messages.ts";

/** What is told of a container that ended so, having written a file and a log. */
async function told(ended: {
  readonly policy: "File" | "FallbackToLogsOnError";
  readonly exitCode?: number;
  readonly written?: string;
  readonly log?: readonly string[];
}): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "nvwords-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const annotations = { [runtimeAnnotations.terminationMessagePolicy]: ended.policy };
  const container = observedOf("main", "exited", { annotations, exitCode: ended.exitCode ?? 1 });
  const logs = new MemoryLogs();
  for (const line of ended.log ?? [])
    logs.append(container.logPath, `2026-01-01T00:00:00.000000000Z stdout F ${line}\n`);
  writeFileSync(makeTerminationLog(folder, "main", 0), ended.written ?? "");
  const messages = new TerminationMessages(logs);
  await messages.learn(observedPod([container]), folder);
  return messages.of(container);
}

const log = ["one", "two"];

test("what a container wrote into its file is told, the first 4096 bytes of it", async () => {
  expect(await told({ policy: "File", exitCode: 0, written: "done", log })).toBe("done");
  expect(await told({ policy: "FallbackToLogsOnError", written: "failed", log })).toBe("failed");
  expect((await told({ policy: "File", written: "x".repeat(5000) }))?.length).toBe(4096);
});

test("the end of a log stands in for an empty file only where that is wished, and only after a failure", async () => {
  expect(await told({ policy: "FallbackToLogsOnError", log })).toBe("one\ntwo\n");
  expect(await told({ policy: "FallbackToLogsOnError", exitCode: 0, log })).toBeUndefined();
  expect(await told({ policy: "File", log })).toBeUndefined();
});

test("of a log at most the last 80 lines and 2048 bytes are told", async () => {
  const short = Array.from({ length: 100 }, (_, index) => `${index}`);
  expect((await told({ policy: "FallbackToLogsOnError", log: short }))?.split("\n")).toEqual([...short.slice(20), ""]);
  const long = Array.from({ length: 100 }, () => "x".repeat(100));
  expect((await told({ policy: "FallbackToLogsOnError", log: long }))?.length).toBe(2048);
});
