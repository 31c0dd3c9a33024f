import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addCommands } from "../../src/cli/commands.ts";
import { addRoleCommands } from "../../src/cli/role-commands.ts";
import { freePort } from "../api/tools/live-server.ts";
import { run } from "../e2e/tools/processes.ts";

/** Every command of navarch with what is wrong on a command line. New commands are in by themselves. */
const own = join(import.meta.dirname, "../../bin/navarch.js");
const folder = mkdtempSync(join(tmpdir(), "navarch-bad-input-own-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const program = new Command("navarch");
addCommands(program);
addRoleCommands(program);

interface Leaf {
  readonly words: string;
  readonly command: Command;
}

function leaves(command: Command, path: readonly string[] = []): readonly Leaf[] {
  return command.commands.flatMap((one) => {
    const words = [...path, one.name()];
    return one.commands.length > 0 ? leaves(one, words) : [{ words: words.join(" "), command: one }];
  });
}

const commands = leaves(program);
/** What makes a cluster of the name, or changes the machine for one, cannot miss it; what is not there is down already. */
const making = /^(up|down|server|agent|join|install|uninstall|config|image)\b/;
const naming = commands.filter(
  ({ words, command }) => !making.test(words) && command.options.some(({ long }) => long === "--name"),
);

const navarch = (words: readonly string[]) =>
  run(process.execPath, [own, ...words], { env: { ...process.env, NAVARCH_DATA: folder, HOME: folder }, cwd: folder });

/** Told as an answer, not as a defect. */
function expectAnswer({ code, stdout, stderr }: { code: number; stdout: string; stderr: string }): void {
  expect(code).toBe(1);
  expect(stdout + stderr).toMatch(/\S/);
  expect(stdout + stderr).not.toMatch(/^ +at .*:\d+:\d+|\[object |undefined|is not a function/m);
}

describe.concurrent("an unknown flag", () => {
  test.each(commands)("navarch $words", async ({ words }) => {
    const ended = await navarch([...words.split(" "), "--nope"]);
    expectAnswer(ended);
    // What is missing is told first.
    expect(ended.stderr).toMatch(/unknown option '--nope'|required option '--/);
  });
});

describe.concurrent("a cluster that is not there", () => {
  test.each(naming)("navarch $words", async ({ words, command }) => {
    const args = command.registeredArguments.filter(({ required }) => required).map(() => "x");
    const ended = await navarch([...words.split(" "), ...args, "--name", "no-such-cluster"]);
    expectAnswer(ended);
  });
});

test("an unknown command is told with the like of it", async () => {
  const ended = await navarch(["statsu"]);
  expectAnswer(ended);
  expect(ended.stderr).toContain("status");
});

/** What people hand over by mistake. */
const mistakes = ["binary", "empty", "page", "broken", "missing", "folder", "huge"] as const;
beforeAll(() => {
  writeFileSync(join(folder, "binary"), Buffer.from(Array.from({ length: 4000 }, (_, at) => (at * 7919) % 256)));
  writeFileSync(join(folder, "empty"), "");
  writeFileSync(join(folder, "page"), "<!doctype html><title>Not found</title>\n");
  writeFileSync(join(folder, "broken"), "kind: [Cluster\n");
  writeFileSync(join(folder, "huge"), `# ${"x".repeat(100)}\n`.repeat(200_000));
  mkdirSync(join(folder, "folder"));
});

/** Every command that reads a file which a person names; `FILE` stands for it. */
const readers = [
  "config validate FILE",
  "config render FILE",
  "up --config FILE --dry-run",
  "up --from FILE --dry-run",
  "up --stages FILE --runtime simulated --simulated-nodes 1",
  "up --scheduler-config FILE --runtime simulated",
  "snapshot show FILE",
  "snapshot restore FILE",
  "image build FILE",
  "join https://127.0.0.1:1 --token abcdef.0123456789abcdef --ca-cert FILE",
];

describe.concurrent("a file that is not what it should be", () => {
  const cases = readers.flatMap((words) => mistakes.map((mistake) => ({ words, mistake })));
  test.each(cases)("navarch $words: $mistake", async ({ words, mistake }) => {
    const ended = await navarch(words.replace("FILE", mistake).split(" "));
    expectAnswer(ended);
    // Which of the files that a command line names it is.
    expect(ended.stderr).toContain(mistake);
    expect(readdirSync(folder)).not.toContain("navarch");
  });
});

describe("a server that is none", () => {
  const token = ["--token", "abcdef.0123456789abcdef", "--discovery-token-unsafe-skip-ca-verification"];
  const servers = {
    "nobody listens": async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      await new Promise((resolve) => server.close(resolve));
      return { port, [Symbol.dispose]() {} };
    },
    "speaks no TLS": async () => {
      const server = createHttp((_request, response) => response.end("<title>no</title>"));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => void server.close() };
    },
    "hangs up at once": async () => {
      const server = createServer((socket) => socket.destroy());
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => void server.close() };
    },
  };
  test.each(Object.entries(servers))("join: %s", async (_what, open) => {
    using server = await open();
    const kubelet = ["--kubelet-port", String(await freePort())];
    const ended = await navarch(["join", `https://127.0.0.1:${server.port}`, ...token, ...kubelet, "--yes"]);
    expectAnswer(ended);
    expect(ended.stderr).toContain(String(server.port));
  });
});

test("to end a cluster that is not there is no fault, and is told", async () => {
  const { code, stderr } = await navarch(["down", "--name", "no-such-cluster"]);
  expect(stderr).toBe("there is no cluster no-such-cluster; navarch status shows those that there are\n");
  expect(code).toBe(0);
});
