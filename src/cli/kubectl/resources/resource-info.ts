import { goQuote } from "../../../lib/go-text.ts";
import { pathSegment } from "../../../machinery/names.ts";
import { type KindRef, resourcePath } from "../../../machinery/object.ts";
import { CommandError } from "../messages.ts";
import type { ApiResource } from "./discovery.ts";

/** An object as commands handle it: whatever its kind, with the members that all have. */
export interface AnyObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name?: string;
    readonly generateName?: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>> | null;
    readonly annotations?: Readonly<Record<string, string>> | null;
    readonly resourceVersion?: string;
    readonly uid?: string;
    readonly [member: string]: unknown;
  };
  readonly [member: string]: unknown;
}

/** One object that a command is about, or the place where it would be. */
export interface ResourceInfo {
  readonly resource: ApiResource;
  /** Empty for resources without namespaces. */
  readonly namespace: string;
  /** Empty for an object whose name the server makes. */
  readonly name: string;
  /** Where it was read, as messages call it: `pod.yaml`, `STDIN`; empty when the server told it. */
  readonly source: string;
  /** As it was read or fetched. */
  readonly object: AnyObject;
}

/** The items of a list, each with what the list's kind says of them. */
export function itemsOf(list: AnyObject): readonly AnyObject[] {
  const { items, apiVersion, kind } = list as AnyObject & { readonly items?: readonly AnyObject[] | null };
  return (items ?? []).map((item) => ({
    ...item,
    apiVersion: item.apiVersion ?? apiVersion,
    kind: item.kind ?? kind.replace(/List$/, ""),
  }));
}

/** The path of a resource, or of one object. Throws CommandError for names that no path can have. */
export function pathOf(
  resource: KindRef<unknown>,
  at: { readonly namespace?: string; readonly name?: string } = {},
  subresource?: string,
): string {
  for (const [what, name = ""] of [
    ["resource name", at.name],
    ["namespace", at.namespace],
  ] as const) {
    const faults = pathSegment(name);
    if (faults.length > 0) throw new CommandError(`invalid ${what} ${goQuote(name)}: [${faults.join(" ")}]`);
  }
  return resourcePath(resource, at, subresource);
}

/** `deployment.apps/web`, as most commands name what they did. */
export function typeAndName(resource: ApiResource, name: string): string {
  return `${typeName(resource)}/${name}`;
}

/** `deployment.apps`, `pod` */
export function typeName({ kind, group }: ApiResource): string {
  return group ? `${kind.toLowerCase()}.${group}` : kind.toLowerCase();
}

/** A discovered resource for tables of resources: `deployments.apps`. */
export function pluralName({ plural, group }: ApiResource): string {
  return group ? `${plural}.${group}` : plural;
}
