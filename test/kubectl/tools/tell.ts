import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Client } from "../../../src/client/client.ts";
import { systemClock as clock } from "../../../src/lib/clock.ts";
import { prepare } from "./prepare.ts";
import { type Ended, runOurs, runReference } from "./programs.ts";
import { normalised, type Step, type Story, wordsOf } from "./story.ts";

/** The two programs that are compared. */
export const programs = ["reference", "ours"] as const;
export type Program = (typeof programs)[number];

/** The server that one of the programs talks to. */
export interface Side {
  readonly url: string;
  /** An administrator's. */
  readonly client: Client;
  /** The path of an administrator's kubeconfig whose context has this namespace. */
  kubeconfig(namespace: string): string;
}

const patience = 30_000;
const pause = 200;

/** Declares a test for each step of each story: both programs, each at its own side, tell the same, character by character. */
export function tell(stories: readonly Story[], folder: string, sideOf: (program: Program) => Side): void {
  describe.each(stories)("$name", (told) => {
    const space = told.name.replaceAll(/[^a-z0-9]+/g, "-");

    beforeAll(async () => {
      for (const program of programs) {
        await prepare(sideOf(program).client, space, told);
        for (const [file, text] of Object.entries({ ".keep": "", ...told.files })) {
          const path = join(folder, program, space, file);
          mkdirSync(dirname(path), { recursive: true });
          writeFileSync(path, text);
        }
      }
    });

    const once = async (program: Program, step: Step): Promise<Ended> => {
      const side = sideOf(program);
      const cwd = join(folder, program, space);
      const env = {
        HOME: join(folder, program),
        KUBECONFIG: side.kubeconfig(space),
        KUBECACHEDIR: join(folder, program, "cache"),
        ...told.env,
      };
      const run = program === "ours" ? runOurs : runReference;
      let background: Promise<unknown> | undefined;
      const speaks = () => {
        if (step.meanwhile) background ??= runOurs({ words: wordsOf(step.meanwhile), cwd, env });
      };
      const { line, input, stopAt } = step;
      const ended = await run({ words: wordsOf(line), input, cwd, env, stopAt, speaks });
      await background;
      const clean = (text: string) => {
        const plain = normalised(text, { url: side.url, folder: cwd });
        const kept = step.without ? plain.replace(step.without, "") : plain;
        return step.unordered ? kept.split("\n").sort().join("\n") : kept;
      };
      // How a program that was interrupted ends is the system's to say.
      return { code: stopAt ? 0 : ended.code, stdout: clean(ended.stdout), stderr: clean(ended.stderr) };
    };

    const run = async (program: Program, step: Step): Promise<Ended> => {
      for (const end = clock.now() + patience; ; await clock.sleep(pause)) {
        const ended = await once(program, step);
        if (!step.until || step.until.test(ended.stdout + ended.stderr) || clock.now() > end) return ended;
      }
    };

    const steps = told.steps.map((step) => (typeof step === "string" ? { line: step } : step));
    test.each(steps.map((step, at) => ({ at: at + 1, ...step })))("$at: $line", async (step) => {
      const [reference, ours] = await Promise.all(programs.map((program) => run(program, step)));
      if (step.until) expect(reference!.stdout + reference!.stderr).toMatch(step.until);
      expect(ours).toEqual(step.differs ? step.differs.instead(reference!, { namespace: space }) : reference);
    });
  });
}
