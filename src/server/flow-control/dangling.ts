import { FlowSchema } from "../../api/flowcontrol/flow-schema.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { timestamp } from "../../registry/write.ts";
import { Maker } from "../bootstrap/bootstrap.ts";

/** Writes into each schema's status whether its level is there. */
export async function reconcileDangling(
  registry: Registry,
  schemas: readonly FlowSchema[],
  levels: ReadonlySet<string>,
): Promise<void> {
  const maker = new Maker(registry);
  await Promise.all(
    schemas.map(async ({ metadata, spec, status }) => {
      const level = spec.priorityLevelConfiguration?.name ?? "";
      const there = levels.has(level);
      const wanted = there ? "False" : "True";
      const present = status?.conditions?.find(({ type }) => type === "Dangling");
      if (present?.status === wanted) return;
      const end = there ? "and it exists" : "but there is no such object";
      const condition = {
        type: "Dangling",
        status: wanted,
        lastTransitionTime: timestamp(registry.clock.now()),
        reason: there ? "Found" : "NotFound",
        message: `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)} ${end}`,
      };
      await maker.status(FlowSchema, metadata.name ?? "", (object) => withCondition(object, condition));
    }),
  );
}

function withCondition(object: AnyObject, condition: { readonly type: string }): AnyObject {
  const { conditions = [] } = (object.status ?? {}) as { readonly conditions?: readonly { readonly type: string }[] };
  const others = conditions.filter(({ type }) => type !== condition.type);
  return { ...object, status: { conditions: [...others, condition] } };
}
