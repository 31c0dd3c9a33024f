import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { afterAll, describe, expect, test } from "vitest";
import { addCommands } from "../../src/cli/commands.ts";
import { addRoleCommands } from "../../src/cli/role-commands.ts";
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

test("to end a cluster that is not there is no fault, and is told", async () => {
  const { code, stderr } = await navarch(["down", "--name", "no-such-cluster"]);
  expect(stderr).toBe("there is no cluster no-such-cluster; navarch status shows those that there are\n");
  expect(code).toBe(0);
});
