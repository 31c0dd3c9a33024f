import { FlowSchema } from "../../api/flowcontrol/flow-schema.ts";
import { PriorityLevelConfiguration } from "../../api/flowcontrol/priority-level-configuration.ts";
import type { KindRef } from "../../machinery/object.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { Maker } from "../bootstrap/bootstrap.ts";
import { autoUpdate, bootstrapLevels, bootstrapSchemas, mandatoryNames } from "./bootstrap-objects.ts";

/** Makes the mandatory and the suggested objects, and brings back what they said, unless somebody took them over. */
export async function bootstrapFlowControl(registry: Registry): Promise<void> {
  const maker = new Maker(registry);
  const wanted = [
    ...bootstrapLevels.map((object) => [PriorityLevelConfiguration, object] as const),
    ...bootstrapSchemas.map((object) => [FlowSchema, object] as const),
  ];
  await Promise.all([PriorityLevelConfiguration, FlowSchema].map((kind) => registry.of(kind).cache.start()));
  await Promise.all(wanted.map(([kind, object]) => reconcile(maker, registry, kind, object as unknown as AnyObject)));
}

async function reconcile(maker: Maker, registry: Registry, kind: KindRef<unknown>, wanted: AnyObject): Promise<void> {
  const name = wanted.metadata.name ?? "";
  const { cache, resource } = registry.of(kind);
  const present = cache.get(resource.key(undefined, name))?.object;
  if (!present) return await maker.ensure(kind, wanted);
  const { annotations, generation } = present.metadata;
  const said = annotations?.[autoUpdate];
  // An object without the word is ours as long as nobody has changed what it says.
  const ours = said === undefined ? generation === 1 : said === "true";
  if (mandatoryNames.has(name) || ours) await maker.put(kind, wanted);
}
