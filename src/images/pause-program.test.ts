import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assemble, branch, code, elfExecutable, hostArchitecture, label, shortJump, word } from "./machine-code.ts";
import { pauseProgram } from "./pause-program.ts";

describe("assemble", () => {
  test("counts an amd64 jump from its end, and an arm64 branch in instructions from its start", () => {
    expect([...assemble([label("top"), code(0x90), shortJump(0xeb, "top")])]).toEqual([0x90, 0xeb, 0xfd]);
    expect([...assemble([label("top"), word(0), branch(12, "top")])]).toEqual([0, 0, 0, 0, 0xec, 0xff, 0xff, 0x54]);
  });

  test("refuses labels that do not exist and jumps that are too far", () => {
    expect(() => assemble([shortJump(0xeb, "nowhere")])).toThrow("no label nowhere");
    expect(() => assemble([label("top"), code(...Array<number>(127).fill(0x90)), shortJump(0xeb, "top")])).toThrow(
      "too far",
    );
  });
});

describe("elfExecutable", () => {
  test.each([
    { architecture: "amd64" as const, machine: 62 },
    { architecture: "arm64" as const, machine: 183 },
  ])("describes a static $architecture executable that is entered at its code", ({ architecture, machine }) => {
    const file = Buffer.from(elfExecutable(architecture, Uint8Array.of(1, 2, 3)));
    expect(file.readUInt16LE(18)).toBe(machine);
    const entry = Number(file.readBigUInt64LE(24) - file.readBigUInt64LE(64 + 16));
    expect([...file.subarray(entry)]).toEqual([1, 2, 3]);
    expect(Number(file.readBigUInt64LE(64 + 32))).toBe(file.length);
  });
});

describe("pauseProgram", () => {
  test("is the same program for every build", () => {
    expect(Buffer.compare(pauseProgram("arm64"), pauseProgram("arm64"))).toBe(0);
    expect(pauseProgram("amd64").length).toBeLessThan(512);
  });
});

describe.runIf(process.platform === "linux")("the running pause program", () => {
  let folder = "";
  let program = "";
  let running: ChildProcess | undefined;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "navarch-pause-"));
    program = join(folder, "pause");
    writeFileSync(program, pauseProgram(hostArchitecture()), { mode: 0o755 });
  });
  afterAll(() => {
    running?.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(["SIGTERM", "SIGINT"] as const)("sleeps until %s and then ends with code 0", async (signal) => {
    running = spawn(program, { stdio: "ignore" });
    const exit = once(running, "exit");
    await until(() => stateOf(running?.pid) === "S");
    running.kill("SIGCHLD");
    await until(() => stateOf(running?.pid) === "S");
    expect(running.exitCode).toBeNull();
    running.kill(signal);
    expect(await exit).toEqual([0, null]);
  });

  test("reaps every child that ends", async () => {
    // The shell leaves its children to the program that takes its place.
    running = spawn("sh", ["-c", 'for i in 1 2 3 4; do sleep 0.1 & done; exec "$0"', program], { stdio: "ignore" });
    const exit = once(running, "exit");
    await until(() => programOf(running?.pid) === "pause");
    await until(() => childrenOf(running?.pid).length === 0);
    running.kill("SIGTERM");
    expect(await exit).toEqual([0, null]);
  });
});

async function until(condition: () => boolean): Promise<void> {
  for (let round = 0; !condition(); round++) {
    if (round > 500) throw new Error("it never came true");
    await sleep(10);
  }
}

function statOf(pid: number | undefined): string {
  return readFileSync(`/proc/${pid}/stat`, "utf8");
}

function stateOf(pid: number | undefined): string {
  const stat = statOf(pid);
  return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
}

function programOf(pid: number | undefined): string {
  return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
}

function childrenOf(pid: number | undefined): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter((child) => child !== "");
}
