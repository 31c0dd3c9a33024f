import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { consoleCommands, missingLines } from "./tools/console-blocks.ts";
import { eventually } from "./tools/eventually.ts";
import { kubectlPath } from "./tools/kubectl.ts";
import { run } from "./tools/processes.ts";
import { sharedCluster } from "./tools/spec.ts";

const cluster = sharedCluster();
const root = join(import.meta.dirname, "../..");
const tutorial = readFileSync(join(root, "docs/tutorial.md"), "utf8");
const bin = join(cluster.place.folder, "bin");
/** What a command sets for those after it is kept here: the blocks are one session of a shell. */
const variables = join(cluster.place.folder, "variables");

beforeAll(() => {
  mkdirSync(bin, { recursive: true });
  writeFileSync(variables, "");
  symlinkSync(join(root, "examples"), join(cluster.place.folder, "examples"));
  // A reader's cluster has the usual name; this one says its own.
  const command = `exec ${process.execPath} ${join(root, "bin/navarch.js")}`;
  const named = `case "$1 $2" in "image build" | "snapshot show") ${command} "$@";; *) ${command} "$@" --name ${cluster.place.name};; esac`;
  writeFileSync(join(bin, "navarch"), `#!/bin/sh\n${named}\n`);
  chmodSync(join(bin, "navarch"), 0o755);
});

/** Asking again does no harm: what is not yet so may become so. */
const harmless =
  /^(kubectl (get|describe|rollout (status|history)|wait)|curl|navarch (why|history|snapshot show)|for |ip=)/;

describe("docs/tutorial.md", () => {
  test.each(consoleCommands(tutorial))("line $line: $command", async (documented) => {
    const again = harmless.test(documented.command);
    const once = async () => {
      const script = `set -a; . ${variables}; set +a; ${documented.command}; code=$?; set | grep '^ip=' > ${variables}; exit $code`;
      const ended = await run("bash", ["-c", script], {
        cwd: cluster.place.folder,
        env: { ...cluster.env, PATH: `${bin}:${dirname(kubectlPath())}:${process.env.PATH}` },
        patience: 120_000,
      });
      const output = `${ended.stdout}${ended.stderr}`;
      expect(missingLines(documented, output), output).toEqual([]);
      if (!documented.command.startsWith("navarch why access")) expect(ended.code, output).toBe(0);
    };
    if (again) await eventually(documented.command, once, { within: 90_000 });
    else await once();
  });
});
