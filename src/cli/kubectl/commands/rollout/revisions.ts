import { CommandError } from "../../messages.ts";
import { type AnyObject, itemsOf, pathOf, type ResourceInfo } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";

export const revisionAnnotation = "deployment.kubernetes.io/revision";
export const causeAnnotation = "kubernetes.io/change-cause";

/** One form that a workload had. */
export interface Revision {
  readonly number: number;
  /** The ReplicaSet or ControllerRevision that keeps it. */
  readonly object: AnyObject;
}

interface WorkloadSpec {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
}

const replicaSets = { group: "apps", version: "v1", kind: "ReplicaSet", plural: "replicasets", namespaced: true };
const controllerRevisions = {
  group: "apps",
  version: "v1",
  kind: "ControllerRevision",
  plural: "controllerrevisions",
  namespaced: true,
};

/** The forms that a deployment, daemon set or stateful set had, oldest first. Throws CommandError for other kinds. */
export async function revisionsOf(
  session: Session,
  info: ResourceInfo,
  what: "history" | "rollbacker",
): Promise<readonly Revision[]> {
  const { object } = info;
  const isDeployment = object.kind === "Deployment";
  if (!isDeployment && object.kind !== "DaemonSet" && object.kind !== "StatefulSet") {
    throw new CommandError(
      `error retrieving ${what} for ${JSON.stringify(object.kind)}, no visitor method exists for {${info.resource.group} ${object.kind}}`,
    );
  }
  const { selector } = object.spec as WorkloadSpec;
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const list = await session.api.call<AnyObject>({
    path: pathOf(isDeployment ? replicaSets : controllerRevisions, { namespace: info.namespace }),
    query: { labelSelector: labels.join(",") },
  });
  return itemsOf(list)
    .filter((one) => ownerOf(one) === object.metadata.uid)
    .map((one) => ({ number: isDeployment ? setRevision(one) : Number(one.revision ?? 0), object: one }))
    .filter(({ number }) => number > 0 || !isDeployment)
    .toSorted((a, b) => a.number - b.number);
}

function ownerOf(object: AnyObject): string | undefined {
  const owners = (object.metadata.ownerReferences ?? []) as readonly {
    readonly controller?: boolean;
    readonly uid: string;
  }[];
  return owners.find(({ controller }) => controller)?.uid;
}

const setRevision = (object: AnyObject) => Number(object.metadata.annotations?.[revisionAnnotation] ?? 0);

/** The revision to show or go back to: the one named, or with 0 the last but one. Undefined where there is none. */
export function pickRevision(revisions: readonly Revision[], number: number): Revision | undefined {
  return number > 0 ? revisions.find((one) => one.number === number) : revisions.at(-2);
}
