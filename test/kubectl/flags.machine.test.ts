import { expect, test } from "vitest";
import { commandHelp, optionsHelp } from "../../src/cli/kubectl/help.ts";
import { everyCommand } from "./tools/every-command.ts";
import { type Ended, runReference } from "./tools/programs.ts";

/** Every flag that the unmodified kubectl's help names is ours, with its letter and its default, and no other. */
const env = { HOME: "/nonexistent", KUBECTL_APPLYSET: "true" };

/** What differs, by command: flags that are of another version or of 2016, and how a default is written. */
const differences: Readonly<
  Record<string, { readonly theirs?: readonly string[]; readonly ours?: readonly string[] }>
> = {
  "": {
    theirs: ["--cache-dir='/nonexistent/.kube/cache'", "--vmodule="],
    ours: ["--as-user-extra=[]", "--cache-dir='$HOME/.kube/cache'", "--kuberc=''", "--vmodule=''"],
  },
  autoscale: { theirs: ["--cpu-percent=-1"], ours: ["--cpu=''", "--memory=''"] },
  "create clusterrole": { theirs: ["--aggregation-rule="], ours: ["--aggregation-rule=[]"] },
  get: { ours: ["--at=''"] },
  run: {
    ours: ["--generator=''", "--hostport=-1", "--limits=''", "-r, --replicas=1", "--requests=''", "--type=''"],
  },
  "top node": { ours: ["--show-swap=false"] },
  "top pod": { ours: ["--show-swap=false"] },
};
/** Commands that the reference does not know. */
const younger = new Set(["kuberc set", "kuberc view", "alpha kuberc set", "alpha kuberc view", "rolling-update"]);

const flagsIn = (help: string) => [...help.matchAll(/^ {4}((?:-\w, )?--.*):$/gm)].map(([, flag = ""]) => flag).sort();
const ask = (words: readonly string[]): Promise<Ended> => runReference({ words, env, cwd: "/" });

const commands = (await everyCommand()).filter(({ words }) => !younger.has(words));

test.each([
  { words: "", help: optionsHelp() },
  ...commands.map(({ words, command }) => ({ words, help: commandHelp(command, `kubectl ${words}`, env) })),
])("kubectl $words has the reference's flags", async ({ words, help }) => {
  const { stdout } = await ask(words === "" ? ["options"] : [...words.split(" "), "--help"]);
  const { theirs = [], ours = [] } = differences[words] ?? {};
  const wanted = flagsIn(stdout).filter((flag) => !theirs.includes(flag));
  expect(flagsIn(help)).toEqual([...wanted, ...ours].sort());
});
