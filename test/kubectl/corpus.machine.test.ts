import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planCluster } from "../../src/cluster/config.ts";
import { ensureCredentials } from "../../src/cluster/credentials.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { systemRandom } from "../../src/lib/random.ts";
import { stories } from "./corpus/all.ts";
import { prepare } from "./tools/prepare.ts";
import { type Ended, runOurs, runReference } from "./tools/programs.ts";
import { type QuietServer, startQuietServer } from "./tools/quiet-server.ts";
import { normalised, wordsOf } from "./tools/story.ts";

/** An unmodified kubectl and ours, each with a server of its own that began alike, tell the same, character by character. */
const folder = mkdtempSync(join(tmpdir(), "navarch-kubectl-"));
const sides = new Map<"reference" | "ours", QuietServer>();

beforeAll(async () => {
  const config = planCluster(
    { name: "corpus", dataDir: join(folder, "data"), apiPort: 6443, runtime: "simulated", nodeName: "nowhere" },
    { NAVARCH_DATA: join(folder, "clusters") },
  );
  mkdirSync(config.dataDir, { recursive: true });
  const credentials = await ensureCredentials(config, { clock: systemClock, random: systemRandom });
  for (const name of ["reference", "ours"] as const) {
    sides.set(name, await startQuietServer({ name, folder, credentials }));
  }
});

afterAll(async () => {
  for (const server of sides.values()) await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(stories)("$name", (told) => {
  const space = told.name.replaceAll(/[^a-z0-9]+/g, "-");

  beforeAll(async () => {
    for (const [name, server] of sides) {
      await prepare(server.client, space, told);
      for (const [file, text] of Object.entries({ ".keep": "", ...told.files })) {
        const path = join(folder, name, space, file);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, text);
      }
    }
  });

  const steps = told.steps.map((step) => (typeof step === "string" ? { line: step } : step));
  test.each(steps.map((step, at) => ({ at: at + 1, ...step })))("$at: $line", async (step) => {
    const run = async (name: "reference" | "ours"): Promise<Ended> => {
      const server = sides.get(name);
      if (!server) throw new Error("the server did not start");
      const cwd = join(folder, name, space);
      const ended = await (name === "ours" ? runOurs : runReference)({
        words: wordsOf(step.line),
        input: step.input,
        cwd,
        env: {
          HOME: join(folder, name),
          KUBECONFIG: server.kubeconfig(space),
          KUBECACHEDIR: join(folder, name, "cache"),
          ...told.env,
        },
      });
      const clean = (text: string) => {
        const plain = normalised(text, { url: server.url, folder: cwd });
        return step.unordered ? plain.split("\n").sort().join("\n") : plain;
      };
      return { code: ended.code, stdout: clean(ended.stdout), stderr: clean(ended.stderr) };
    };
    const [reference, ours] = await Promise.all([run("reference"), run("ours")]);
    expect(ours).toEqual(step.differs ? step.differs.instead(reference, { namespace: space }) : reference);
  });
});
