import { Agent, request } from "node:http";
import { errorMessage } from "../../../src/lib/fault.ts";
import { eventually } from "./eventually.ts";

export interface Hammering extends AsyncDisposable {
  /** Waits until some answer is as it should be. */
  sees(expected: (body: string) => boolean): Promise<void>;
  /** Ends it: how many requests were answered with 200, and what became of each other one. */
  stop(): Promise<{ readonly answered: number; readonly failures: readonly string[] }>;
}

/**
 * Asks a URL without a pause over several connections at once; half of them are kept open from request to request, the
 * others are new for each.
 */
export function hammer(url: string, { connections }: { readonly connections: number }): Hammering {
  const failures: string[] = [];
  const wanted = new Set<{ readonly expected: (body: string) => boolean; seen: boolean }>();
  let answered = 0;
  let going = true;
  const kept = new Agent({ keepAlive: true });
  const fresh = new Agent({ keepAlive: false });
  const worker = async (agent: Agent) => {
    while (going) {
      const begun = new Date().toISOString();
      try {
        const { status, body } = await ask(url, agent);
        if (status === 200) answered += 1;
        else failures.push(`${begun} status ${status}: ${body.slice(0, 200)}`);
        for (const wish of wanted) wish.seen ||= wish.expected(body);
      } catch (error) {
        failures.push(`${begun} ${agent === kept ? "kept" : "new"} connection: ${errorMessage(error)}`);
      }
    }
  };
  const workers = Array.from({ length: connections }, (_, index) => worker(index % 2 ? kept : fresh));
  const stop = async () => {
    going = false;
    await Promise.all(workers);
    kept.destroy();
    fresh.destroy();
    return { answered, failures };
  };
  return {
    async sees(expected) {
      const wish = { expected, seen: false };
      wanted.add(wish);
      await eventually("the expected answer is among those that come", () => wish.seen, { within: 30_000 });
      wanted.delete(wish);
    },
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

function ask(url: string, agent: Agent): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent, timeout: 10_000 }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (part: string) => {
        body += part;
      });
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
      answer.on("error", reject);
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer within 10 s")));
    asked.on("error", reject);
    asked.end();
  });
}
