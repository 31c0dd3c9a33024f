import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newPlace, TestCluster } from "./tools/cluster.ts";
import { run } from "./tools/processes.ts";

/* What `npm run build` makes, taken to a place without sources, as a package is when it is installed. */

const old = "/usr/bin/node";
const root = join(import.meta.dirname, "../..");
const place = newPlace("e2e-pack");
const installed = join(place.folder, "consumer/node_modules/navarch");
const cluster = new TestCluster({ ...place, program: join(installed, "bin/navarch.js") });

beforeAll(async () => {
  const built = await run(process.execPath, [join(root, "scripts/build.ts")]);
  expect(built, built.stdout + built.stderr).toMatchObject({ code: 0 });
  mkdirSync(installed, { recursive: true });
  for (const part of ["bin", "dist", "examples", "package.json"])
    cpSync(join(root, part), join(installed, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(installed, "node_modules"));
  rmSync(join(root, "dist"), { recursive: true });
});
afterAll(() => cluster.remove());

test("the command runs without sources and knows its version", async () => {
  const { code, stdout } = await cluster.navarch(["--version"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

test("it starts a cluster, keeps its data and checks it", async () => {
  await cluster.up("--runtime", "simulated");
  await cluster.kubectl("create", "deployment", "web", "--image=anything");
  await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=60s");
  await cluster.interrupt();
  const checked = await cluster.navarch(["store", "check", "--name", place.name]);
  expect(checked, checked.stdout + checked.stderr).toMatchObject({ code: 0 });
});

test.runIf(isOld(old))("an old Node hands over to the pinned one", async () => {
  const { code, stdout } = await run(old, [join(installed, "bin/navarch.js"), "--version"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

test("a program that has it as a dependency imports the client", async () => {
  const program = join(dirname(dirname(installed)), "program.mjs");
  writeFileSync(
    program,
    `import { createClient } from "navarch/client/api-client";
     import { Pod } from "navarch/api/core/pod";
     console.log(typeof createClient, Pod.kind);`,
  );
  const { code, stdout, stderr } = await run(process.execPath, [program]);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "function Pod\n", stderr: "" });
});

test("a program that has it as a dependency holds a cluster in its hand, as docs/testing.md shows", async () => {
  const [, shown = ""] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, "docs/testing.md"), "utf8")) ?? [];
  expect(shown).toContain('from "navarch/testing"');
  const program = join(dirname(dirname(installed)), "web.test.mts");
  writeFileSync(program, shown);
  const { code, stdout, stderr } = await run(process.execPath, ["--test", "--test-reporter=tap", program]);
  expect({ code, stderr }, stdout).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^# pass 2$/m);
});

test("TypeScript takes its declarations: the page on testing and the example operator are sound in a project of one's own", async () => {
  const consumer = dirname(dirname(installed));
  const [, shown = ""] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, "docs/testing.md"), "utf8")) ?? [];
  const operator = readFileSync(join(root, "examples/operator/operator.ts"), "utf8")
    .replace(/"..\/..\/src\/(api\/[^"]+)\.ts"/g, '"navarch/$1"')
    .replace('"../../src/client/index.ts"', '"navarch/client"');
  expect(operator).not.toContain("../src/");
  writeFileSync(join(consumer, "operator.mts"), operator);
  writeFileSync(join(consumer, "shown.mts"), shown);
  mkdirSync(join(consumer, "node_modules/@types"), { recursive: true });
  symlinkSync(join(root, "node_modules/@types/node"), join(consumer, "node_modules/@types/node"));
  const compilerOptions = { strict: true, noEmit: true, module: "nodenext", target: "esnext", types: ["node"] };
  const include = ["operator.mts", "shown.mts"];
  writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify({ compilerOptions, include }));
  const { code, stdout } = await run(join(root, "node_modules/.bin/tsc"), ["-p", consumer]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
});

function isOld(program: string): boolean {
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  return Number(/^v(\d+)/.exec(stdout)?.[1]) < 24;
}
