import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seededRandom } from "../../../lib/random.ts";
import { VirtualClock } from "../../../lib/virtual-clock.ts";
import { kubectl } from "../main.ts";

/** Preferences as the documentation of 1.35 describes them; the kubectl that the corpus compares with has none. */
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "navarch-kuberc-"));
  mkdirSync(join(folder, ".kube"));
  const contexts = ["one", "two"].map((name) => `- {name: ${name}, context: {cluster: ${name}, user: u}}`);
  writeFileSync(join(folder, ".kube/config"), `contexts:\n${contexts.join("\n")}\ncurrent-context: one\n`);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(words: readonly string[], env: Readonly<Record<string, string | undefined>> = {}) {
  const said = { stdout: "", stderr: "" };
  const output = (to: keyof typeof said) => ({
    write: (text: string | Uint8Array) => {
      said[to] += Buffer.from(text).toString().replaceAll(folder, "HOME");
    },
    isTerminal: false,
  });
  const code = await kubectl(words, {
    stdin: Readable.from([]),
    stdout: output("stdout"),
    stderr: output("stderr"),
    env: { HOME: folder, ...env },
    cwd: folder,
    clock: new VirtualClock(0),
    random: seededRandom(1),
    signal: new AbortController().signal,
  });
  return { code, ...said };
}

const head = "apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n";
const kuberc = (text: string, file = ".kube/kuberc") => writeFileSync(join(folder, file), text);
const wrong = "error occurred while applying preferences";

const preferences = `${head}defaults:
- command: config get-contexts
  options:
  - {name: output, default: name}
aliases:
- name: ctx
  command: config get-contexts
  prependArgs: [two]
  options:
  - {name: no-headers, default: "true"}
- name: use
  command: config use-context
  appendArgs: [two]
- name: version
  command: options
`;

describe("defaults", () => {
  test("a flag has the value of the preferences unless another is given", async () => {
    kuberc(preferences);
    expect(await run(["config", "get-contexts"])).toEqual({ code: 0, stdout: "one\ntwo\n", stderr: "" });
    for (const words of [["-o", ""], ["--output="]]) {
      expect((await run(["config", "get-contexts", ...words])).stdout).toMatch(/^CURRENT/);
    }
    expect((await run(["config", "view", "-o", "jsonpath={.kind}"])).stdout).toBe("Config");
  });

  test.each([
    { name: "no such flag", options: "{name: nope, default: x}", says: "invalid flag nope for command config view" },
    {
      name: "a value that does not fit",
      options: '{name: raw, default: "x"}',
      says: 'could not apply override value x to flag raw in command config view err: invalid argument "x" for "--raw" flag: strconv.ParseBool: parsing "x": invalid syntax',
    },
    {
      name: "a short flag",
      options: "{name: -o, default: x}",
      says: "flag name -o should be in long form without dashes",
    },
  ])("$name is refused", async ({ options, says }) => {
    kuberc(`${head}defaults:\n- command: config view\n  options:\n  - ${options}\n`);
    expect(await run(["config", "view"])).toEqual({ code: 1, stdout: "", stderr: `${wrong} ${says}\n` });
  });

  test("a command that is not there is warned of", async () => {
    kuberc(`${head}defaults:\n- command: nope\n  options: []\n`);
    expect(await run(["config", "current-context"])).toEqual({
      code: 0,
      stdout: "one\n",
      stderr: 'Warning: command "nope" not found to set kuberc override\n',
    });
  });
});

describe("aliases", () => {
  test("an alias is a command with words before and behind those given, and with flags", async () => {
    kuberc(preferences);
    // The defaults of the command do not hold for its alias.
    expect((await run(["ctx"])).stdout).toMatch(/^ +two +two +u *\n$/);
    expect((await run(["ctx", "one", "--no-headers=false"])).stdout).toMatch(/^CURRENT.*\n\* +one .*\n +two /);
    expect((await run(["-v", "0", "use"])).stdout).toBe('Switched to context "two".\n');
  });

  test("a command of kubectl comes before an alias, and an alias before a plug-in", async () => {
    kuberc(preferences);
    expect((await run(["version", "--client"])).stdout).toMatch(/^Client Version/);
    const plugin = join(folder, "kubectl-ctx");
    writeFileSync(plugin, "#!/bin/sh\nexit 7\n");
    chmodSync(plugin, 0o755);
    expect((await run(["ctx"], { PATH: folder })).code).toBe(0);
  });

  test("wrong words are told under the alias's name", async () => {
    kuberc(preferences);
    expect(await run(["ctx", "--nope"])).toMatchObject({
      code: 1,
      stderr: "error: unknown flag: --nope\nSee 'kubectl ctx --help' for usage.\n",
    });
  });

  test.each([
    { alias: "{name: a1, command: get}", says: "invalid alias name, can only include alphabetical characters" },
    { alias: "{command: get}", says: "invalid alias name, can only include alphabetical characters" },
    { alias: "{name: a}", says: 'command "" not found to set alias "a": []' },
    { alias: "{name: a, command: nope x}", says: 'command "nope x" not found to set alias "a": [nope x]' },
    {
      alias: "{name: a, command: config view, options: [{name: nope, default: x}]}",
      says: "invalid alias flag nope in alias kubectl",
    },
    { alias: "{name: a, command: get}\n- {name: a, command: get}", says: "duplicate alias name a" },
  ])("$alias: $says", async ({ alias, says }) => {
    kuberc(`${head}aliases:\n- ${alias}\n`);
    expect(await run(["a"])).toEqual({ code: 1, stdout: "", stderr: `${wrong} ${says}\n` });
  });
});

describe("the file", () => {
  test("--kuberc comes before KUBERC, which comes before the usual place", async () => {
    kuberc(`${head}aliases: [{name: a, command: config current-context}]`);
    kuberc(`${head}aliases: [{name: b, command: config current-context}]`, "b");
    kuberc(`${head}aliases: [{name: c, command: config current-context}]`, "c");
    expect((await run(["a"])).stdout).toBe("one\n");
    expect((await run(["b"], { KUBERC: join(folder, "b") })).stdout).toBe("one\n");
    expect((await run(["c", "--kuberc", "c"], { KUBERC: join(folder, "b") })).stdout).toBe("one\n");
    expect((await run(["c", "--kuberc=c"])).stdout).toBe("one\n");
    for (const env of [{ KUBERC: "off" }, { KUBECTL_KUBERC: "false" }]) {
      expect((await run(["a"], env)).stderr).toMatch(/^error: unknown command "a"/);
    }
  });

  test("one that was named has to be there and to be understood", async () => {
    kuberc("kind: Preference", "bad");
    expect(await run(["version", "--client", "--kuberc=none"])).toMatchObject({
      code: 1,
      stderr: `${wrong} kuberc error kuberc: open HOME/none: no such file or directory\n`,
    });
    expect((await run(["version", "--client", "--kuberc=bad"])).stderr).toBe(
      `${wrong} kuberc error kuberc: no valid preferences found in HOME/bad, use --v=5 to see details\n`,
    );
    expect((await run(["version", "--client", "--kuberc="])).stderr).toBe(`${wrong} kuberc file is not found\n`);
    expect((await run(["version", "--client", "--kuberc=bad"], { KUBERC: "off" })).stderr).toBe(
      `${wrong} kuberc error disabling kuberc via KUBERC=off and passing kuberc flag are mutually exclusive\n`,
    );
  });

  test("the usual one may be broken, which is told and does not stop the command", async () => {
    kuberc("]");
    expect(await run(["config", "current-context"])).toEqual({
      code: 0,
      stdout: "one\n",
      stderr:
        "kuberc: no preferences loaded from HOME/.kube/kuberc: no valid preferences found in HOME/.kube/kuberc, use --v=5 to see details\n",
    });
    kuberc("");
    expect(await run(["config", "current-context"])).toEqual({ code: 0, stdout: "one\n", stderr: "" });
  });

  test("the first version that is known counts, and fields that are not known are told", async () => {
    const early = `apiVersion: kubectl.config.k8s.io/v1alpha1
kind: Preference
overrides:
- command: config get-contexts
  flags:
  - {name: output, default: name, more: x}
unknown: x
`;
    kuberc(`---\napiVersion: kubectl.config.k8s.io/v9\nkind: Preference\n---\n${early}---\n${preferences}`);
    expect(await run(["config", "get-contexts"])).toEqual({
      code: 0,
      stdout: "one\ntwo\n",
      stderr:
        'kuberc: ignoring strict decoding error in HOME/.kube/kuberc: strict decoding error: unknown field "overrides[0].flags[0].more", unknown field "unknown"\n',
    });
  });
});

describe("kubectl alpha kuberc", () => {
  const set = (...words: readonly string[]) => run(["alpha", "kuberc", "set", ...words]);
  const written = () => readFileSync(join(folder, ".kube/kuberc"), "utf8");

  test("set writes what view shows and commands follow", async () => {
    const made = await set("--section=defaults", "--command=config get-contexts", "--option=output=name");
    expect(made).toEqual({ code: 0, stdout: "Updated HOME/.kube/kuberc\n", stderr: "" });
    await set("--section=aliases", "--name=cx", "--command=config", "--prependarg=current-context");
    await set("--section=aliases", "--name=ctx", "--command=config get-contexts", "--appendarg=one");
    expect((await run(["ctx", "-o", "name"])).stdout).toBe("one\n");
    expect((await run(["config", "get-contexts"])).stdout).toBe("one\ntwo\n");
    const shown = await run(["kuberc", "view"]);
    expect(shown.stdout).toBe(written());
    const expected = {
      kind: "Preference",
      apiVersion: "kubectl.config.k8s.io/v1beta1",
      defaults: [{ command: "config get-contexts", options: [{ name: "output", default: "name" }] }],
      aliases: [
        { name: "cx", command: "config", prependArgs: ["current-context"] },
        { name: "ctx", command: "config get-contexts", appendArgs: ["one"] },
      ],
    };
    const json = await run(["alpha", "kuberc", "view", "-o", "json"]);
    expect(json.stdout).toBe(`${JSON.stringify(expected, undefined, 4)}\n`);
  });

  test("set replaces only with --overwrite, and keeps what was not given", async () => {
    kuberc(preferences);
    const words = ["--section=aliases", "--name=ctx", "--command=config get-contexts", "--appendarg=one"];
    expect((await set(...words)).stderr).toBe('error: alias "ctx" already exists, use --overwrite to replace\n');
    expect(written()).toBe(preferences);
    expect((await set(...words, "--overwrite")).code).toBe(0);
    expect((await run(["ctx"])).stdout).toMatch(/^\* +one .*\n +two .*\n$/);
  });

  test.each([
    { words: [], says: 'required flag(s) "command", "section" not set' },
    { words: ["--section=x", "--command=get"], says: '--section must be "defaults" or "aliases", got: x' },
    { words: ["--section=aliases", "--command=get"], says: "--name is required when --section=aliases" },
    {
      words: ["--section=defaults", "--command=get", "--name=x"],
      says: "--name should not be specified when --section=defaults",
    },
    {
      words: ["--section=defaults", "--command=get", "--appendarg=x"],
      says: "--prependarg and --appendarg are only valid for --section=aliases",
    },
    {
      words: ["--section=defaults", "--command=get", "--option=x"],
      says: 'invalid option format "x", expected flag=value',
    },
  ])("set $words is refused", async ({ words, says }) => {
    expect(await set(...words)).toEqual({ code: 1, stdout: "", stderr: `error: ${says}\n` });
  });

  test("set leaves a file alone that it does not understand whole", async () => {
    for (const text of [`${preferences}---\n${preferences}`, "kind: Other\n"]) {
      kuberc(text);
      const refused = await set("--section=defaults", "--command=get", "--option=output=name");
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/has several documents; change it by hand|no valid preferences found/);
      expect(written()).toBe(text);
    }
  });

  test("view says that there is no file", async () => {
    expect((await run(["alpha", "kuberc", "view"])).stderr).toBe("error: kuberc file not found at HOME/.kube/kuberc\n");
  });
});
