import type { Kind } from "../../api/kind.ts";
import { parseFieldSelector } from "../../machinery/field-selector.ts";
import { parseSelector } from "../../machinery/labels.ts";
import { badRequest, notFound } from "../../machinery/status-error.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { valueAnswer } from "../bodies/answers.ts";
import { includeObject, partialOf, type Row, tableOf } from "../bodies/tables.ts";
import type { Call } from "../call.ts";
import type { ServerResponse } from "../exchange.ts";

/** What a request wants to see of a kind; both absent means everything. */
export interface ComputedScope {
  readonly namespace?: string;
  readonly name?: string;
}

/** A kind that is stored nowhere: its objects are made when somebody looks. It can be got and listed. */
export interface ComputedKind {
  readonly kind: Kind;
  /** The objects of a scope as they are now, in any order; at most one where the scope has a name. */
  readonly objects: (registry: Registry, scope: ComputedScope) => Promise<readonly AnyObject[]>;
}

/** GET of such an object, or of all of them. */
export async function computedAnswer(call: Call, { kind, objects }: ComputedKind): Promise<ServerResponse> {
  const { info, services, media, served } = call;
  const { namespace, name } = info;
  const scope = { ...(namespace ? { namespace } : {}), ...(info.named ? { name } : {}) };
  const found = await objects(services.registry, scope);
  const table = (rows: readonly AnyObject[]) =>
    tableOf(
      served,
      rows.map((object): Row => ({ stored: object, object })),
      {
        version: media.shapeVersion,
        include: includeObject(info.query.get("includeObject")),
        now: services.clock.now(),
        columns: true,
        metadata: {},
      },
    );
  if (info.named) {
    const [object] = found;
    if (!object) throw notFound(kind, namespace ? `${namespace}/${name}` : name);
    if (media.as === "Table") return valueAnswer(media, 200, table([object]));
    if (media.as) return valueAnswer(media, 200, partialOf(object, media.shapeVersion));
    return valueAnswer(media, 200, object, served);
  }
  const items = found.filter(selected(info.query)).sort(byName);
  if (media.as === "Table") return valueAnswer(media, 200, table(items));
  const list = media.as
    ? {
        kind: "PartialObjectMetadataList",
        apiVersion: `meta.k8s.io/${media.shapeVersion}`,
        metadata: {},
        items: items.map((object) => partialOf(object, media.shapeVersion)),
      }
    : { kind: served.listKind, apiVersion: served.apiVersion, metadata: {}, items };
  return valueAnswer(media, 200, list, media.as ? undefined : served);
}

function selected(query: URLSearchParams): (object: AnyObject) => boolean {
  const labels = parseSelector(query.get("labelSelector") ?? "");
  const { requirements } = parseFieldSelector(query.get("fieldSelector") ?? "");
  const unknown = requirements.find(({ field }) => field !== "metadata.name" && field !== "metadata.namespace");
  if (unknown) throw badRequest(`field label not supported: ${unknown.field}`);
  return ({ metadata }) =>
    labels.matches(metadata.labels) &&
    requirements.every(({ field, equal, value }) => {
      const own = field === "metadata.name" ? metadata.name : (metadata.namespace ?? "");
      return (own === value) === equal;
    });
}

function byName({ metadata: a }: AnyObject, { metadata: b }: AnyObject): number {
  const [one, other] = [`${a.namespace ?? ""}/${a.name ?? ""}`, `${b.namespace ?? ""}/${b.name ?? ""}`];
  return one < other ? -1 : one > other ? 1 : 0;
}
