import { ClusterRole } from "../../api/rbac/cluster-role.ts";
import { ClusterRoleBinding } from "../../api/rbac/cluster-role-binding.ts";
import { Role } from "../../api/rbac/role.ts";
import { RoleBinding } from "../../api/rbac/role-binding.ts";
import type { Held } from "../../registry/held.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import type { UserInfo } from "../exchange.ts";
import type { AuthorizationRequest, Authorizer, Decision } from "./authorizer.ts";
import { BindingIndex } from "./binding-index.ts";
import { type PolicyRule, ruleAllows } from "./policy-rules.ts";

type Binding = ClusterRoleBinding | RoleBinding;

/** A rule that a user has, and by which binding. */
interface Grant {
  readonly rule: PolicyRule;
  readonly reason: () => string;
}

/** Decides by Roles, ClusterRoles and their bindings, which it follows in the server's own cache. */
export class RbacAuthorizer implements Authorizer {
  readonly #registry: Registry;
  readonly #cluster = new BindingIndex();
  readonly #namespaced = new BindingIndex();
  /** By the state of the role that the cache holds: a change brings another state, so nothing here can be out of date. */
  readonly #rules = new WeakMap<Held, readonly PolicyRule[]>();
  readonly #following: Disposable[] = [];

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  async start(): Promise<void> {
    const followed = [
      [ClusterRoleBinding, this.#cluster],
      [RoleBinding, this.#namespaced],
    ] as const;
    await Promise.all([ClusterRole, Role].map((kind) => this.#registry.of(kind).cache.start()));
    for (const [kind, index] of followed) {
      const { cache, resource } = this.#registry.of(kind);
      await cache.start();
      this.#following.push(
        cache.subscribe({}, ({ type, held, previous }) => {
          if (previous) index.remove(previous.object as AnyObject as Binding);
          if (type !== "DELETED") index.add(held.object as AnyObject as Binding);
        }),
      );
      for (const held of cache.range(resource.range)) index.add(held.object as AnyObject as Binding);
    }
  }

  /** Resolves when every binding and role written before the call counts. */
  async current(): Promise<void> {
    await Promise.all(
      [ClusterRole, Role, ClusterRoleBinding, RoleBinding].map((kind) => this.#registry.of(kind).cache.current()),
    );
  }

  decide(request: AuthorizationRequest): Decision {
    const missing: string[] = [];
    for (const { rule, reason } of this.#grants(request.user, request.namespace, missing)) {
      if (ruleAllows(rule, request)) return { allowed: true, reason: `RBAC: allowed by ${reason()}` };
    }
    const errors = missing.length > 1 ? `[${missing.join(", ")}]` : missing[0];
    return { allowed: false, reason: errors ? `RBAC: ${errors}` : "" };
  }

  /** Every rule that a user has in a namespace; without one, cluster-wide. */
  rules(user: UserInfo, namespace: string): readonly PolicyRule[] {
    return Array.from(this.#grants(user, namespace, []), ({ rule }) => rule);
  }

  /** The rules of a role that a binding names; undefined when there is none. */
  rulesOf(roleRef: Binding["roleRef"], namespace: string): readonly PolicyRule[] | undefined {
    const kind = roleRef.kind === "ClusterRole" ? ClusterRole : Role;
    const { cache, resource } = this.#registry.of(kind);
    const held = cache.get(resource.key(namespace, roleRef.name));
    if (!held) return undefined;
    const known = this.#rules.get(held);
    if (known) return known;
    // Asked for at every request: decoded anew each time the garbage collector took the object, they would cost the most of it.
    const rules = (held.object as AnyObject as ClusterRole | Role).rules ?? [];
    this.#rules.set(held, rules);
    return rules;
  }

  *#grants(user: UserInfo, namespace: string, missing: string[]): Iterable<Grant> {
    for (const { binding, subject } of this.#cluster.of(user, "")) {
      yield* this.#granted(binding, subject, "", missing);
    }
    if (!namespace) return;
    for (const { binding, subject } of this.#namespaced.of(user, namespace)) {
      yield* this.#granted(binding, subject, namespace, missing);
    }
  }

  *#granted(binding: Binding, subject: string, namespace: string, missing: string[]): Iterable<Grant> {
    const { roleRef, metadata } = binding;
    const rules = this.rulesOf(roleRef, namespace);
    if (!rules) {
      const text = `${roleRef.kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(roleRef.name)} not found`;
      if (!missing.includes(text)) missing.push(text);
      return;
    }
    const name = namespace ? `${metadata.name}/${namespace}` : metadata.name;
    const kind = namespace ? "RoleBinding" : "ClusterRoleBinding";
    const reason = () =>
      `${kind} ${JSON.stringify(name)} of ${roleRef.kind} ${JSON.stringify(roleRef.name)} to ${subject}`;
    for (const rule of rules) yield { rule, reason };
  }

  [Symbol.dispose](): void {
    for (const following of this.#following.splice(0)) following[Symbol.dispose]();
  }
}
