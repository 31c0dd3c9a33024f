import type { Store } from "../../src/store/store.ts";
import { Bindings, compare, type Difference } from "./compare.ts";
import { declaredDifferences } from "./differences.ts";
import { rewordingOf } from "./rewordings.ts";

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface RecordedStep {
  readonly request?: RecordedRequest;
  readonly response?: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
    readonly events?: readonly unknown[];
    readonly subset?: boolean;
  };
  readonly settleMs?: number;
  readonly during?: readonly RecordedStep[];
  readonly wait?: "established" | "until" | "compacted";
  readonly path?: string;
  readonly listPath?: string;
  readonly status?: number;
}

export interface RecordedCase {
  readonly name: string;
  readonly steps: readonly RecordedStep[];
}

export interface Setting {
  readonly origin: string;
  readonly store: Store;
  readonly area: string;
  readonly ignored: readonly string[];
  readonly namespace: string;
}

/** A step that did not go as recorded. */
export interface Failure {
  readonly step: string;
  readonly differences: readonly Difference[];
}

const tokens: Readonly<Record<string, string>> = {
  admin: "admintoken",
  alice: "alicetoken",
  bob: "bobtoken",
  carol: "caroltoken",
};

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Replays one case and returns what was not as recorded. */
export async function runCase(recorded: RecordedCase, setting: Setting): Promise<readonly Failure[]> {
  const run = new CaseRun(recorded, setting);
  await run.steps(recorded.steps, "");
  return run.failures;
}

class CaseRun {
  readonly failures: Failure[] = [];
  readonly #case: RecordedCase;
  readonly #setting: Setting;
  readonly #bindings = new Bindings();
  readonly #answers: (Answer | undefined)[] = [];

  constructor(recorded: RecordedCase, setting: Setting) {
    this.#case = recorded;
    this.#setting = setting;
  }

  async steps(steps: readonly RecordedStep[], prefix: string): Promise<void> {
    for (const [index, step] of steps.entries()) {
      const answer = await this.#step(step, `${prefix}${index}`);
      if (prefix === "") this.#answers.push(answer);
    }
  }

  async #step(step: RecordedStep, name: string): Promise<Answer | undefined> {
    if (step.wait) {
      await this.#wait(step);
      return undefined;
    }
    const { request, response } = step;
    if (!request || !response) return undefined;
    if (step.settleMs) await new Promise((resolve) => setTimeout(resolve, step.settleMs));
    const title = `${name} ${request.method} ${request.path}`;
    const context = { method: request.method, path: request.path };
    if (step.during) {
      await this.#watch(step, title);
      return undefined;
    }
    const answer = await this.#send(request);
    const expected: Record<string, unknown> = { status: response.status, body: this.#wanted(response.body) };
    const actual: Record<string, unknown> = { status: answer.status, body: this.#seen(answer.body) };
    for (const [header, value] of Object.entries(response.headers ?? {})) {
      expected[header] = this.#wanted(value);
      actual[header] = answer.headers.get(header) ?? undefined;
    }
    this.#check(title, expected, actual, response.subset ?? false, context);
    return answer;
  }

  #check(
    step: string,
    expected: unknown,
    actual: unknown,
    subset: boolean,
    context: { method: string; path: string },
  ): void {
    const declared = (difference: Difference) =>
      rewordingOf(difference) ??
      declaredDifferences.find(
        ({ areas, cases, accepts }) =>
          (!areas || areas.includes(this.#setting.area)) &&
          (!cases || cases.includes(this.#case.name)) &&
          accepts(difference, context),
      )?.reason;
    const differences = compare(expected, actual, { bindings: this.#bindings, subset, declared });
    if (differences.length > 0) this.failures.push({ step, differences });
  }

  async #watch({ request, response, during }: RecordedStep, title: string): Promise<void> {
    const answer = await this.#fetch(request!);
    await this.steps(during ?? [], `${title} during `);
    const text = await answer.text();
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    const events = lines.map((line) => this.#seen(parse(line)) as { readonly type?: string });
    // How many bookmarks come in a row is a matter of time.
    const single = events.filter((event, index) => event.type !== "BOOKMARK" || events[index + 1]?.type !== "BOOKMARK");
    const expected = { status: response!.status, events: this.#wanted(response!.events ?? []) };
    this.#check(title, expected, { status: answer.status, events: single }, response!.subset ?? false, request!);
  }

  async #wait({ wait, path, listPath, status }: RecordedStep): Promise<void> {
    if (wait === "compacted") {
      await this.#setting.store.compact(await this.#setting.store.revision());
      return;
    }
    for (let attempt = 0; attempt < 40; attempt += 1) {
      const answer = await this.#send({ method: "GET", path: path ?? "" });
      if (wait === "until" && answer.status === status) return;
      if (wait === "established" && isEstablished(answer.body)) {
        const list = await this.#send({ method: "GET", path: listPath ?? "" });
        if (list.status === 200) return;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #send(request: RecordedRequest): Promise<Answer> {
    const response = await this.#fetch(request);
    const text = await response.text();
    const type = response.headers.get("content-type") ?? "";
    return {
      status: response.status,
      headers: response.headers,
      body: type.includes("json") || text.startsWith("{") ? parse(text) : text,
    };
  }

  #fetch(request: RecordedRequest): Promise<Response> {
    const headers: Record<string, string> = {
      authorization: `Bearer ${tokens.admin}`,
      accept: "application/json",
      "user-agent": "parity",
      ...(request.body === undefined ? {} : { "content-type": "application/json" }),
    };
    for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value;
    const sent: Record<string, string> = {};
    for (const [name, value] of Object.entries(headers)) if (value !== "") sent[name] = String(this.#fill(value));
    const body = request.body === undefined ? undefined : this.#fill(this.#rewrite(request.body));
    return fetch(this.#setting.origin + String(this.#fill(this.#rewrite(request.path))), {
      method: request.method,
      headers: sent,
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  }

  // Versions that were beta then are asked for as they are served today.
  #rewrite<T>(value: T): T {
    if (this.#setting.area === "discovery" || this.#setting.area === "crd") return value;
    let text = JSON.stringify(value);
    for (const [old, now] of renamed) text = text.replaceAll(old, now);
    return JSON.parse(text) as T;
  }

  #fill(value: unknown): unknown {
    if (typeof value === "string") {
      const whole = /^\$\{([^}]+)\}$/.exec(value);
      if (whole?.[1]) return this.#placeholder(whole[1]);
      return value.replace(/\$\{([^}]+)\}/g, (_, name: string) => String(this.#placeholder(name)));
    }
    if (Array.isArray(value)) return value.map((item) => this.#fill(item));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [String(this.#fill(key)), this.#fill(item)]));
  }

  #placeholder(name: string): unknown {
    const [kind = "", first = "", ...rest] = name.split(":");
    if (kind === "ns") return this.#setting.namespace;
    if (kind === "token") return tokens[first];
    if (kind === "repeat") return first.repeat(Number(rest[0]));
    const body = this.#answers[Number(first)]?.body;
    if (kind === "body") return pointer(body, rest.join(":"));
    return (body as { readonly metadata?: Readonly<Record<string, unknown>> } | undefined)?.metadata?.[kind];
  }

  #wanted(value: unknown): unknown {
    const text = JSON.stringify(this.#rewrite(value) ?? null).replaceAll(/\$\{ns\}/g, this.#setting.namespace);
    return value === undefined ? undefined : JSON.parse(text);
  }

  // Members that no recorded object has are dropped from the answer as well.
  #seen(value: unknown): unknown {
    const dropped = new Set([
      "selfLink",
      "storageVersionHash",
      ...this.#setting.ignored.map((path) => path.split(".").at(-1) ?? ""),
    ]);
    if (typeof value === "string") return withoutYamlMembers(value, dropped);
    const clean = (item: unknown): unknown => {
      if (Array.isArray(item)) return item.map(clean);
      if (typeof item !== "object" || item === null) return item;
      return Object.fromEntries(
        Object.entries(item).flatMap(([key, inner]) => (dropped.has(key) ? [] : [[key, clean(inner)]])),
      );
    };
    return clean(value);
  }
}

const renamed: readonly (readonly [string, string])[] = [
  ["batch/v1beta1", "batch/v1"],
  ["policy/v1beta1", "policy/v1"],
  ["discovery.k8s.io/v1beta1", "discovery.k8s.io/v1"],
  ["autoscaling/v2beta2", "autoscaling/v2"],
];

function withoutYamlMembers(text: string, dropped: ReadonlySet<string>): string {
  const kept: string[] = [];
  let skipping: number | undefined;
  for (const line of text.split("\n")) {
    const indent = line.length - line.trimStart().length;
    if (skipping !== undefined && (indent > skipping || (indent === skipping && line.trimStart().startsWith("- "))))
      continue;
    skipping = undefined;
    const name = line.trim().split(":")[0] ?? "";
    if (dropped.has(name)) skipping = indent;
    else kept.push(line);
  }
  return kept.join("\n");
}

function isEstablished(body: unknown): boolean {
  const { status } = body as {
    readonly status?: { readonly conditions?: readonly { type: string; status: string }[] };
  };
  return status?.conditions?.some(({ type, status: value }) => type === "Established" && value === "True") ?? false;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function pointer(value: unknown, path: string): unknown {
  let found = value;
  for (const step of path.split("/").slice(1)) {
    found = (found as Readonly<Record<string, unknown>> | undefined)?.[
      step.replaceAll("~1", "/").replaceAll("~0", "~")
    ];
  }
  return found;
}
