import type { AnyObject } from "./resource-info.ts";

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly configMapKeyRef?: { readonly name: string; readonly key: string };
    readonly secretKeyRef?: { readonly name: string; readonly key: string };
    readonly fieldRef?: { readonly fieldPath: string };
    readonly resourceFieldRef?: { readonly resource: string; readonly containerName?: string };
  };
}

export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly env?: readonly EnvVar[];
  readonly ports?: readonly { readonly containerPort: number; readonly protocol?: string }[];
  readonly resources?: {
    readonly limits?: Readonly<Record<string, string>>;
    readonly requests?: Readonly<Record<string, string>>;
  };
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly serviceAccountName?: string;
}

/** Where the pods of an object are described: `spec`, or the template of what makes pods. */
function specPath(object: AnyObject): readonly string[] | undefined {
  if (object.kind === "Pod") return ["spec"];
  if (object.kind === "CronJob") return ["spec", "jobTemplate", "spec", "template", "spec"];
  const spec = object.spec as { readonly template?: { readonly spec?: unknown } } | undefined;
  return spec?.template?.spec ? ["spec", "template", "spec"] : undefined;
}

/** The description of the object's pods, undefined where it has none. */
export function podSpecOf(object: AnyObject): PodSpec | undefined {
  let value: unknown = object;
  for (const name of specPath(object) ?? []) value = (value as Readonly<Record<string, unknown>> | undefined)?.[name];
  return value === object ? undefined : (value as PodSpec | undefined);
}

/** The object with another description of its pods. */
export function withPodSpec(object: AnyObject, spec: PodSpec): AnyObject {
  const put = (value: unknown, path: readonly string[]): unknown => {
    const [name, ...rest] = path;
    if (name === undefined) return spec;
    const members = value as Readonly<Record<string, unknown>>;
    return { ...members, [name]: put(members[name], rest) };
  };
  return put(object, specPath(object) ?? []) as AnyObject;
}

/** The description with every container changed that the name fits; `*` is any number of letters. */
export function withContainers(
  spec: PodSpec,
  names: string,
  change: (container: Container) => Container,
  options: { readonly init?: boolean } = {},
): { readonly spec: PodSpec; readonly found: number } {
  const form = new RegExp(
    `^${names
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  );
  let found = 0;
  const each = (containers: readonly Container[]) =>
    containers.map((container) => {
      if (!form.test(container.name)) return container;
      found += 1;
      return change(container);
    });
  const containers = each(spec.containers);
  const { initContainers } = spec;
  const changed =
    options.init && initContainers
      ? { ...spec, containers, initContainers: each(initContainers) }
      : { ...spec, containers };
  return { spec: changed, found };
}
