import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { lines, ownWords, samples } from "./bad-input/lines.ts";
import { type BadServer, startBadServers } from "./bad-input/servers.ts";
import { everyCommand } from "./tools/every-command.ts";
import { type Ended, runOurs, runReference } from "./tools/programs.ts";
import { wordsOf } from "./tools/story.ts";

/**
 * Every command with everything that can be wrong around it. New commands are in by themselves. Ours has to end as an
 * unmodified kubectl does, in the same words, and whatever happens without a trace of its own insides.
 */
const commands = (await everyCommand()).map(({ words }) => words);
const servers = await startBadServers();
const folder = mkdtempSync(join(tmpdir(), "navarch-bad-input-"));
const files: Readonly<Record<string, string>> = {
  "cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n",
  "empty.yaml": "",
  "page.yaml": "<html><body>Please log in</body></html>\n",
  "role.yaml": "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: x}\nrules: []\n",
};

beforeAll(() => {
  const { cert, key } = servers.pair;
  writeFileSync(
    join(folder, "binary.yaml"),
    Uint8Array.from({ length: 4096 }, (_, at) => (at * 7) % 256),
  );
  writeFileSync(join(folder, "huge.yaml"), Buffer.alloc(100_000_000));
  writeFileSync(join(folder, "large.yaml"), Buffer.alloc(8_000_000, "a"));
  for (const [name, text] of Object.entries({ ...files, "tls.crt": cert, "tls.key": key }))
    writeFileSync(join(folder, name), text);
});

afterAll(async () => {
  await servers[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const cluster = (server: string, more: object = {}) => ({ name: "c", cluster: { server, ...more } });
const config = (...clusters: readonly object[]) =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters,
    users: [{ name: "u", user: { token: "t" } }],
    contexts: [{ name: "k", context: { cluster: "c", user: "u" } }],
    "current-context": "k",
  });
const trusted = { "certificate-authority-data": Buffer.from(servers.authority).toString("base64") };
const at = (server: BadServer, more?: object) => config(cluster(servers.urls[server], more));

interface Situation {
  readonly name: string;
  /** The kubeconfig's text. */
  readonly kubeconfig: string;
  /** Stands behind the command's own words. */
  readonly flags?: string;
  /** Compared with the reference for every command, not only for samples of each way to the server. */
  readonly every?: boolean;
}

const situations: readonly Situation[] = [
  { name: "an unknown flag", kubeconfig: at("refused"), flags: "--nope", every: true },
  { name: "a flag of a wrong kind", kubeconfig: at("refused"), flags: "--v=x" },
  { name: "a time that is none", kubeconfig: at("refused"), flags: "--request-timeout=x" },
  { name: "a context that is not there", kubeconfig: at("refused"), flags: "--context=nope" },
  { name: "a user that is not there", kubeconfig: at("refused"), flags: "--user=nope" },
  { name: "a cluster that is not there", kubeconfig: at("refused"), flags: "--cluster=nope" },
  { name: "a kubeconfig that is not there", kubeconfig: at("refused"), flags: "--kubeconfig=nope" },
  { name: "a kubeconfig that is no YAML", kubeconfig: "clusters: [\n" },
  { name: "a kubeconfig that is something else", kubeconfig: "just a line\n" },
  { name: "a kubeconfig with bytes of any kind", kubeconfig: "\u0000\u0001\u00ff\u00fe" },
  { name: "a server that nobody hears at", kubeconfig: at("refused"), every: true },
  { name: "a server that never answers", kubeconfig: at("slow"), flags: "--request-timeout=200ms" },
  { name: "a server that answers with a page", kubeconfig: at("html"), every: true },
  { name: "a server that breaks off", kubeconfig: at("half") },
  { name: "a server that speaks something else", kubeconfig: at("noHttp") },
  { name: "a server that knows nobody", kubeconfig: at("unauthorized") },
  { name: "a certificate that has expired", kubeconfig: at("expired", trusted) },
  { name: "a certificate of nobody known", kubeconfig: at("trusted") },
  { name: "a certificate of another name", kubeconfig: at("otherName", trusted) },
];

/** Where ours uses other words, and why; the exit code is the same all the same. */
const differs: readonly { readonly where: RegExp; readonly why: string }[] = [
  {
    where: /^a (context|cluster) that is not there: (create namespace|run|api-resources|version|scale)$/,
    why: "the reference has two ways to say it, by which of its parts asks first; ours has one",
  },
  { where: /^a context that is not there: config view$/, why: "ours shows the context that was asked for" },
  { where: /^a kubeconfig that is no YAML: /, why: "what is wrong with YAML is told as our reader of YAML tells it" },
  {
    where: /: (create|apply|replace)$/,
    why: "the reference fetches a description of the whole API first, to check manifests by; ours leaves that to the server",
  },
  {
    where: /: (diff|apply set-last-applied)$/,
    why: "the reference names the manifest whose type it could not look up",
  },
  {
    where: /^a server that answers with a page: /,
    why: "the reference says it in several ways, by which of its clients asked",
  },
  {
    where: /^a server that speaks something else: /,
    why: "by the turn that the connection had, the reference says more or less",
  },
  {
    where: /^a server that knows nobody: (run|logs|cluster-info|auth|version)/,
    why: "the reference repeats the server's word in some places and uses its own in others",
  },
  {
    where: /: auth can-i$/,
    why: "the reference warns that a type is unknown when it could not ask",
  },
  { where: /: api-versions$/, why: "the reference tells the time that it gives the call too" },
  { where: /: set selector$/, why: "the reference says it twice" },
  { where: /: debug$/, why: "the notice of the old profile comes first in ours" },
];

describe.concurrent.each(situations)("$name", (situation) => {
  test.each(commands)("kubectl %s", async (words) => {
    const line = [...wordsOf(lines[words] ?? words)];
    if (situation.flags) line.splice(words.split(" ").length, 0, situation.flags);
    const compared = (situation.every || samples.includes(words)) && !(words in ownWords);
    const [reference, ours] = await Promise.all([
      compared ? run(runReference, line, situation, "reference") : undefined,
      run(runOurs, line, situation, "ours"),
    ]);
    expect(ours.stdout + ours.stderr).not.toMatch(/^ +at .*:\d+:\d+|\[object |undefined|is not a function/m);
    if (ours.code !== 0 && words !== "certificate") expect(ours.stderr).toMatch(/\S/);
    if (!reference) return;
    const other = differs.some(({ where }) => where.test(`${situation.name}: ${words}`));
    expect(ours).toEqual(other ? { ...ours, code: reference.code } : reference);
  });
});

const withFiles = (await everyCommand()).filter(({ command }) => command.flags?.filename && command.name !== "run");

describe.concurrent.each([
  { name: "bytes of any kind", file: "binary.yaml" },
  { name: "nothing", file: "empty.yaml" },
  { name: "a page", file: "page.yaml" },
  { name: "a hundred megabytes of nothing", file: "huge.yaml", only: ["apply", "create"] },
  { name: "no file at all", file: "none.yaml" },
])("a manifest of $name", ({ file, only }) => {
  const chosen = withFiles.filter(({ words }) => !only || only.includes(words));
  test.each(chosen)("kubectl $words", async ({ words }) => {
    const line = [...words.split(" "), "-f", file];
    const situation = { name: "", kubeconfig: at("refused") };
    const [reference, ours] = await Promise.all([
      words in ownWords ? undefined : run(runReference, line, situation, "reference"),
      run(runOurs, line, situation, "ours"),
    ]);
    expect(ours.stderr).not.toMatch(/^ +at .*:\d+:\d+|\[object |undefined|is not a function/m);
    if (ours.code !== 0) expect(ours).toMatchObject({ stdout: "", stderr: expect.stringMatching(/\S/) as string });
    if (reference) expect(ours.code).toBe(reference.code);
  });
});

test("an upload that the server breaks off is told, and not taken for done", async () => {
  for (const verb of ["create", "replace"]) {
    const ours = await run(
      runOurs,
      [verb, "--raw", "/api/v1/namespaces", "-f", "large.yaml"],
      { name: "", kubeconfig: at("hangsUp") },
      "upload",
    );
    expect(ours).toMatchObject({ code: 1, stdout: "" });
    expect(ours.stderr).toMatch(/^Unable to connect to the server: \S/);
  }
});

let count = 0;

async function run(
  program: typeof runOurs,
  words: readonly string[],
  { kubeconfig }: Situation,
  name: string,
): Promise<Ended> {
  const home = join(folder, `${name}-${++count}`);
  mkdirSync(home);
  const path = join(home, "config");
  writeFileSync(path, kubeconfig);
  const env = { HOME: home, KUBECONFIG: path, EDITOR: "true" };
  const stopAt = words[0] === "proxy" ? /Starting to serve/ : undefined;
  const ended = await program({ words, cwd: folder, env, stopAt });
  const clean = (text: string) =>
    text
      .replaceAll(home, "HOME")
      .replace(/^[EWI]\d{4} .*\n/gm, "")
      .replace(/: current time \S+ is after \S+/g, "")
      // Which of the two it is depends on where the time ran out.
      .replace(/(?:net\/http: request canceled|context deadline exceeded)(?: \(Client\.Timeout[^)]*\))?/g, "TIMEOUT")
      .replace(/(Client|Kustomize) Version: .*/g, "$1 Version: V")
      .replace(/:\d{4,5}\b/g, ":PORT");
  return { code: stopAt ? 0 : ended.code, stdout: clean(ended.stdout), stderr: clean(ended.stderr) };
}
