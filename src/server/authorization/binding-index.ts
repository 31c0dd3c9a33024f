import type { ClusterRoleBinding } from "../../api/rbac/cluster-role-binding.ts";
import type { RoleBinding } from "../../api/rbac/role-binding.ts";
import type { UserInfo } from "../exchange.ts";

type Binding = ClusterRoleBinding | RoleBinding;

interface Bound<B> {
  readonly binding: B;
  /** As reasons name it: `User "alice"`. */
  readonly subject: string;
}

/** Finds the bindings of a user by name and group, without walking those of others. */
export class BindingIndex {
  readonly #bySubject = new Map<string, Map<string, Bound<Binding>>>();

  add(binding: Binding): void {
    const { namespace = "", name, uid } = binding.metadata;
    for (const subject of binding.subjects ?? []) {
      const entry = subjectOf(subject, namespace);
      if (!entry) continue;
      const key = `${namespace}|${entry.key}`;
      const bound = this.#bySubject.get(key) ?? new Map();
      this.#bySubject.set(key, bound.set(uid ?? name, { binding, subject: entry.text }));
    }
  }

  remove(binding: Binding): void {
    const { namespace = "", name, uid } = binding.metadata;
    for (const subject of binding.subjects ?? []) {
      const entry = subjectOf(subject, namespace);
      const key = entry && `${namespace}|${entry.key}`;
      const bound = key ? this.#bySubject.get(key) : undefined;
      if (!key || !bound) continue;
      bound.delete(uid ?? name ?? "");
      if (bound.size === 0) this.#bySubject.delete(key);
    }
  }

  *of(user: UserInfo, namespace: string): Iterable<Bound<Binding>> {
    yield* this.#bySubject.get(`${namespace}|user:${user.name}`)?.values() ?? [];
    for (const group of user.groups) yield* this.#bySubject.get(`${namespace}|group:${group}`)?.values() ?? [];
  }
}

type Subject = NonNullable<Binding["subjects"]>[number];

function subjectOf(
  subject: Subject,
  bindingNamespace: string,
): { readonly key: string; readonly text: string } | undefined {
  const { kind, name } = subject;
  if (kind === "User") return { key: `user:${name}`, text: `User ${JSON.stringify(name)}` };
  if (kind === "Group") return { key: `group:${name}`, text: `Group ${JSON.stringify(name)}` };
  if (kind !== "ServiceAccount") return undefined;
  const namespace = subject.namespace || bindingNamespace;
  return {
    key: `user:system:serviceaccount:${namespace}:${name}`,
    text: `ServiceAccount ${JSON.stringify(`${name}/${namespace}`)}`,
  };
}
