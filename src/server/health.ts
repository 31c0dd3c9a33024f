import { errorMessage } from "../lib/fault.ts";
import { textResponse } from "./bodies/status-body.ts";
import type { ServerResponse } from "./exchange.ts";

/** One thing that must be well. Throws when it is not. */
export interface HealthCheck {
  readonly name: string;
  readonly run: () => void | Promise<void>;
}

/** The checks behind `/healthz`, `/livez` and `/readyz`, together and one by one. */
export class Health {
  readonly #checks: Readonly<Record<string, readonly HealthCheck[]>>;

  constructor(checks: { readonly live: readonly HealthCheck[]; readonly ready: readonly HealthCheck[] }) {
    this.#checks = { healthz: checks.live, livez: checks.live, readyz: [...checks.live, ...checks.ready] };
  }

  /** The addresses of all checks. */
  get paths(): readonly string[] {
    return Object.entries(this.#checks).flatMap(([root, checks]) => [
      `/${root}`,
      ...checks.map(({ name }) => `/${root}/${name}`),
    ]);
  }

  /** Answers a path below one of the three; undefined for any other. */
  async answer(path: string, query: URLSearchParams): Promise<ServerResponse | undefined> {
    const [, root = "", ...rest] = path.split("/");
    const checks = this.#checks[root];
    if (!checks) return undefined;
    const name = rest.join("/");
    if (name !== "") {
      const check = checks.find((one) => one.name === name);
      return check && this.#report(root, [check], false);
    }
    const excluded = new Set(query.getAll("exclude").flatMap((text) => text.split(",")));
    const chosen = checks.filter((check) => !excluded.has(check.name));
    return this.#report(root, chosen, query.has("verbose"));
  }

  async #report(root: string, checks: readonly HealthCheck[], verbose: boolean): Promise<ServerResponse> {
    const lines: string[] = [];
    let failed = false;
    for (const { name, run } of checks) {
      try {
        await run();
        lines.push(`[+]${name} ok`);
      } catch (error) {
        failed = true;
        lines.push(`[-]${name} failed: ${errorMessage(error)}`);
      }
    }
    if (failed) return textResponse(500, `${lines.join("\n")}\n${root} check failed\n`);
    return textResponse(200, verbose ? `${lines.join("\n")}\n${root} check passed\n` : "ok");
  }
}
