import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { pages, root } from "../documents/tools/shown-commands.ts";
import { consoleCommands, missingLines, savedFiles } from "./tools/console-blocks.ts";
import { eventually } from "./tools/eventually.ts";
import { kubectlPath } from "./tools/kubectl.ts";
import { run } from "./tools/processes.ts";
import { sharedCluster } from "./tools/spec.ts";

const cluster = sharedCluster();
/** The tutorial comes first: it begins with the cluster as it was started. */
const documents = [...new Set(["README.md", "docs/tutorial.md", ...pages()])];
const bin = join(cluster.place.folder, "bin");
/** What a command sets for those after it is kept here: the blocks of a document are one session of a shell. */
const variables = join(cluster.place.folder, "variables");

beforeAll(() => {
  mkdirSync(bin, { recursive: true });
  symlinkSync(join(root, "examples"), join(cluster.place.folder, "examples"));
  // A reader's cluster has the usual name; this one says its own.
  const command = `exec ${process.execPath} ${join(root, "bin/navarch.js")}`;
  const nameless = `"kubectl "* | "config "* | "image build" | "snapshot show"`;
  const named = `case "$1 $2" in ${nameless}) ${command} "$@";; *) ${command} "$@" --name ${cluster.place.name};; esac`;
  // What stands after -- is another command's.
  const install = `if [ "$1" = install ]; then shift; ${command} install --name ${cluster.place.name} "$@"; fi`;
  writeFileSync(join(bin, "navarch"), `#!/bin/sh\n${install}\n${named}\n`);
  chmodSync(join(bin, "navarch"), 0o755);
});

/** Asking again does no harm: what is not yet so may become so. */
const harmless =
  /^(kubectl (get|describe|rollout (status|history)|wait|logs|exec|top|auth)|curl|navarch (why|history|diff|kubectl get|snapshot show)|for |\w+=\$\(kubectl)/;

const withCommands = documents.filter((name) => consoleCommands(readFileSync(join(root, name), "utf8")).length > 0);

describe.each(withCommands)("%s", (document) => {
  const text = readFileSync(join(root, document), "utf8");
  const kept = [...new Set(consoleCommands(text).flatMap(({ command }) => /^(\w+)=/.exec(command)?.[1] ?? []))];
  beforeAll(() => {
    writeFileSync(variables, "");
    for (const { name, content } of savedFiles(text)) writeFileSync(join(cluster.place.folder, name), content);
  });

  test.each(consoleCommands(text))("line $line: $command", async (documented) => {
    const once = async () => {
      const keep = kept.length > 0 ? `set | grep -E '^(${kept.join("|")})=' > ${variables};` : "";
      const script = `set -a; . ${variables}; set +a; ${documented.command}; code=$?; ${keep} exit $code`;
      const ended = await run("bash", ["-c", script], {
        cwd: cluster.place.folder,
        env: { ...cluster.env, PATH: `${bin}:${dirname(kubectlPath())}:${process.env.PATH}` },
        patience: 150_000,
      });
      const output = `${ended.stdout}${ended.stderr}`;
      expect(missingLines(documented, output), output).toEqual([]);
      if (!documented.command.startsWith("navarch why access")) expect(ended.code, output).toBe(0);
    };
    if (harmless.test(documented.command)) await eventually(documented.command, once, { within: 90_000 });
    else await once();
  });
});
