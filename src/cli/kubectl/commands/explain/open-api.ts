import { CommandError } from "../../messages.ts";
import type { Session } from "../../session.ts";

/** What OpenAPI says of a value. */
export interface Schema {
  readonly description?: string;
  readonly type?: string;
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly allOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly "x-kubernetes-group-version-kind"?: readonly GroupVersionKind[];
}

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** The description of one group and version. */
export interface OpenApi {
  readonly paths?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

/** Fetches the description of a group and version. Throws CommandError where there is none. */
export async function openApiOf(
  session: Session,
  { group, version, plural }: { readonly group: string; readonly version: string; readonly plural: string },
): Promise<OpenApi> {
  const name = group ? `apis/${group}/${version}` : `api/${version}`;
  const { paths } = await session.api.call<{ readonly paths: Readonly<Record<string, unknown>> }>({
    path: "/openapi/v3",
  });
  if (!Object.hasOwn(paths, name)) {
    throw new CommandError(`couldn't find resource for "${group}/${version}, Resource=${plural}"`);
  }
  return await session.api.call<OpenApi>({ path: `/openapi/v3/${name}` });
}

/** The kind that a resource's paths handle. Throws CommandError. */
export function kindIn(
  document: OpenApi,
  { group, version, plural }: { readonly group: string; readonly version: string; readonly plural: string },
): GroupVersionKind {
  const base = group ? `/apis/${group}/${version}` : `/api/${version}`;
  for (const path of [`${base}/${plural}`, `${base}/namespaces/{namespace}/${plural}`]) {
    for (const operations of [document.paths?.[path], document.paths?.[`${path}/{name}`]]) {
      for (const method of ["get", "post", "put", "patch", "delete"]) {
        const operation = operations?.[method] as
          | { readonly "x-kubernetes-group-version-kind"?: GroupVersionKind }
          | undefined;
        const kind = operation?.["x-kubernetes-group-version-kind"];
        if (kind) return kind;
      }
    }
  }
  const where = group ? `${group}/${version}` : `/${version}`;
  throw new CommandError(`GVR (${where}, Resource=${plural}) not found in OpenAPI schema`);
}

/** The schema behind a reference, or the schema itself. */
export function resolved(document: OpenApi, schema: Schema): Schema {
  if (!schema.$ref) return schema;
  return document.components?.schemas?.[nameOf(schema.$ref)] ?? schema;
}

/** `#/components/schemas/io.k8s.api.core.v1.Pod` -> `io.k8s.api.core.v1.Pod` */
export function nameOf(reference: string): string {
  return reference.slice(reference.lastIndexOf("/") + 1);
}
