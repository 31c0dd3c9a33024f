import { ValidatingAdmissionPolicy } from "../../../api/admissionregistration/validating-admission-policy.ts";
import type { ExpressionWarning } from "../../../api/generated/admissionregistration-v1.ts";
import { errorMessage } from "../../../lib/fault.ts";
import type { Log } from "../../../lib/log.ts";
import { isEqual } from "../../../machinery/equality.ts";
import { isStatus } from "../../../machinery/status-error.ts";
import type { Registry } from "../../../registry/registry.ts";
import type { AnyObject, Served } from "../../../registry/resource.ts";
import { statusOnly, updateObject } from "../../../registry/update.ts";
import { compilePolicy } from "./compiled-policy.ts";
import type { PolicyTypes } from "./policy-compiler.ts";
import { servedKind } from "./policy-params.ts";
import { structType } from "./struct-type.ts";

const mostTypes = 10;
const asPolicy = (object: AnyObject) => object as AnyObject as unknown as ValidatingAdmissionPolicy;

/** Writes into policies' status where their expressions do not fit the types that they are about. */
export class PolicyTypeChecker implements AsyncDisposable {
  readonly #registry: Registry;
  readonly #policies;
  readonly #log: Log;
  #subscription: Disposable | undefined;
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(registry: Registry, log: Log) {
    this.#registry = registry;
    this.#policies = registry.of(ValidatingAdmissionPolicy);
    this.#log = log;
  }

  /** Checks what is there, and from now on what comes. */
  async start(): Promise<void> {
    const { cache, resource } = this.#policies;
    this.#subscription = cache.subscribe({}, ({ type, held }) => {
      if (type !== "DELETED") this.#later(held.object);
    });
    await cache.start();
    for (const { object } of cache.range(resource.range)) this.#later(object);
  }

  #later(object: AnyObject): void {
    const { metadata, status } = asPolicy(object);
    if (status?.observedGeneration === metadata.generation) return;
    this.#work = this.#work
      .then(() => this.#check(object))
      .catch((error: unknown) => {
        if (isStatus(error, "NotFound")) return;
        this.#log.warn("a policy's types were not checked", { policy: metadata.name, error: errorMessage(error) });
      });
  }

  async #check(object: AnyObject): Promise<void> {
    if (this.#closed) return;
    const { metadata } = asPolicy(object);
    const collection = this.#policies;
    await updateObject(collection, {
      namespace: undefined,
      name: metadata.name,
      dryRun: false,
      rules: statusOnly(collection.resource),
      change: (held) => {
        const policy = asPolicy(held.object);
        const expressionWarnings = policyWarnings(this.#registry, policy);
        const typeChecking = expressionWarnings.length > 0 ? { expressionWarnings } : {};
        const status = { ...policy.status, observedGeneration: policy.metadata.generation, typeChecking };
        return isEqual(status, policy.status) ? held.object : { ...held.object, status };
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#subscription?.[Symbol.dispose]();
    await this.#work;
  }
}

/** Where the expressions of a policy do not fit the types that its rules name; wildcards name none. */
export function policyWarnings(registry: Registry, { spec }: ValidatingAdmissionPolicy): readonly ExpressionWarning[] {
  const params = spec.paramKind && servedKind(registry, spec.paramKind);
  const found = new Map<string, string[]>();
  for (const served of typesOf(registry, spec)) {
    const types: PolicyTypes = {
      object: structType(served.type),
      ...(params ? { params: structType(params.type) } : {}),
    };
    compilePolicy(spec, types, ({ place, fault }) => {
      const [part, index, member] = place;
      const checked = part === "validations" && (member === "expression" || member === "messageExpression");
      if (!checked || !fault.startsWith(failed)) return;
      const field = `spec.validations[${index}].${member}`;
      const text = `${served.apiVersion}, Kind=${served.kind}: ${fault.slice(failed.length)}\n`;
      found.set(field, [...(found.get(field) ?? []), text]);
    });
  }
  return Array.from(found, ([fieldRef, texts]) => ({ fieldRef, warning: texts.join("\n") }));
}

const failed = "compilation failed: ";

function typesOf(registry: Registry, spec: ValidatingAdmissionPolicy["spec"]): readonly Served[] {
  const found = new Map<string, Served>();
  for (const { apiGroups = [], apiVersions = [], resources = [] } of spec.matchConstraints?.resourceRules ?? []) {
    if ([...apiGroups, ...apiVersions].some((name) => name.includes("*"))) continue;
    for (const group of apiGroups) {
      for (const version of apiVersions) {
        for (const plural of resources.filter((name) => !/[*/]/.test(name))) {
          const { served } = registry.find(group === "" ? version : `${group}/${version}`, plural) ?? {};
          if (served) found.set(`${served.apiVersion} ${served.kind}`, served);
        }
      }
    }
  }
  return [...found.keys()]
    .sort()
    .slice(0, mostTypes)
    .flatMap((key) => found.get(key) ?? []);
}
