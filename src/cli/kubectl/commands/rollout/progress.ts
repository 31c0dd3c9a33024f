import { CommandError } from "../../messages.ts";
import type { AnyObject } from "../../resources/resource-info.ts";
import { revisionAnnotation } from "./revisions.ts";

/** How far a roll-out is, as a line for people. */
export interface Progress {
  readonly message: string;
  readonly done: boolean;
}

interface Figures {
  readonly replicas?: number;
  readonly updatedReplicas?: number;
  readonly availableReplicas?: number;
  readonly readyReplicas?: number;
  readonly observedGeneration?: number;
  readonly updatedNumberScheduled?: number;
  readonly desiredNumberScheduled?: number;
  readonly numberAvailable?: number;
  readonly currentRevision?: string;
  readonly updateRevision?: string;
  readonly conditions?: readonly { readonly type: string; readonly reason?: string }[];
}

interface Wanted {
  readonly replicas?: number;
  readonly strategy?: { readonly type?: string };
  readonly updateStrategy?: { readonly type?: string; readonly rollingUpdate?: { readonly partition?: number } };
}

/** Reads it off the object; `revision` names one that must not have been replaced. Throws CommandError. */
export function rolloutProgress(object: AnyObject, revision: number): Progress {
  const { kind, metadata } = object;
  const [spec, status] = [(object.spec ?? {}) as Wanted, (object.status ?? {}) as Figures];
  const seen = Number(metadata.generation ?? 0) <= (status.observedGeneration ?? 0);
  const name = metadata.name ?? "";
  switch (kind) {
    case "Deployment": {
      const current = Number(metadata.annotations?.[revisionAnnotation] ?? 0);
      if (revision > 0 && revision !== current) {
        throw new CommandError(`desired revision (${revision}) is different from the running revision (${current})`);
      }
      return seen ? deployment(name, spec, status) : waiting("Waiting for deployment spec update to be observed...\n");
    }
    case "DaemonSet":
      if (spec.updateStrategy?.type !== "RollingUpdate") throw onlyRolling();
      return seen ? daemonSet(name, status) : waiting("Waiting for daemon set spec update to be observed...\n");
    case "StatefulSet":
      if (spec.updateStrategy?.type !== "RollingUpdate") throw onlyRolling();
      return seen && status.observedGeneration
        ? statefulSet(spec, status)
        : waiting("Waiting for statefulset spec update to be observed...\n");
    default:
      throw new CommandError(`no status viewer has been implemented for ${kind}`);
  }
}

const waiting = (message: string): Progress => ({ message, done: false });
const finished = (message: string): Progress => ({ message, done: true });
const onlyRolling = () => new CommandError("rollout status is only available for RollingUpdate strategy type");

function deployment(name: string, spec: Wanted, status: Figures): Progress {
  if (status.conditions?.some(({ type, reason }) => type === "Progressing" && reason === "ProgressDeadlineExceeded")) {
    throw new CommandError(`deployment ${JSON.stringify(name)} exceeded its progress deadline`);
  }
  const { updatedReplicas: updated = 0, replicas = 0, availableReplicas: available = 0 } = status;
  const start = `Waiting for deployment ${JSON.stringify(name)} rollout to finish:`;
  if (spec.replicas !== undefined && updated < spec.replicas) {
    return waiting(`${start} ${updated} out of ${spec.replicas} new replicas have been updated...\n`);
  }
  if (replicas > updated) return waiting(`${start} ${replicas - updated} old replicas are pending termination...\n`);
  if (available < updated) return waiting(`${start} ${available} of ${updated} updated replicas are available...\n`);
  return finished(`deployment ${JSON.stringify(name)} successfully rolled out\n`);
}

function daemonSet(name: string, status: Figures): Progress {
  const {
    updatedNumberScheduled: updated = 0,
    desiredNumberScheduled: desired = 0,
    numberAvailable: available = 0,
  } = status;
  const start = `Waiting for daemon set ${JSON.stringify(name)} rollout to finish:`;
  if (updated < desired) return waiting(`${start} ${updated} out of ${desired} new pods have been updated...\n`);
  if (available < desired) return waiting(`${start} ${available} of ${desired} updated pods are available...\n`);
  return finished(`daemon set ${JSON.stringify(name)} successfully rolled out\n`);
}

function statefulSet(spec: Wanted, status: Figures): Progress {
  const { readyReplicas: ready = 0, updatedReplicas: updated = 0 } = status;
  if (spec.replicas !== undefined && ready < spec.replicas) {
    return waiting(`Waiting for ${spec.replicas - ready} pods to be ready...\n`);
  }
  const { rollingUpdate } = spec.updateStrategy ?? {};
  // The server fills the partition in, so that the text of other roll-outs is hardly ever seen.
  if (rollingUpdate) {
    const wanted = (spec.replicas ?? 0) - (rollingUpdate.partition ?? 0);
    if (updated < wanted) {
      return waiting(
        `Waiting for partitioned roll out to finish: ${updated} out of ${wanted} new pods have been updated...\n`,
      );
    }
    return finished(`partitioned roll out complete: ${updated} new pods have been updated...\n`);
  }
  if (status.updateRevision !== status.currentRevision) {
    return waiting(
      `waiting for statefulset rolling update to complete ${updated} pods at revision ${status.updateRevision}...\n`,
    );
  }
  return finished(
    `statefulset rolling update complete ${status.replicas ?? 0} pods at revision ${status.currentRevision}...\n`,
  );
}
