import type { Selectable } from "../../../api/core/node-selection.ts";
import { PersistentVolume } from "../../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../../api/core/persistent-volume-claim.ts";
import type { Pod } from "../../../api/generated/core-v1.ts";
import type { Client, Informers } from "../../../client/client.ts";
import type { Clock } from "../../../lib/clock.ts";
import { keyOf, keyText } from "../../../machinery/object.ts";
import { definePlugin, fits, type Rejection, ready, reject, skip } from "../../framework/plugin.ts";
import { claimNameOf, classNameOf, madeFor, usesClaims, type VolumeCatalogue } from "./volume-catalogue.ts";
import { chooseVolume, hasRoom, provisionsFor, reachable } from "./volume-matching.ts";

export interface VolumeBindingArgs {
  /** How long a pod waits for its claims to be bound. */
  readonly bindTimeoutSeconds?: number;
}

/** A pod's claims by what has to be done about them. */
interface Claims {
  /** The volumes of claims that are bound; undefined where a volume is gone. */
  readonly bound: readonly (PersistentVolume | undefined)[];
  /** Claims that are bound once the pod has a node. */
  readonly delayed: readonly PersistentVolumeClaim[];
}

/** What is to be written for a pod on its node. */
interface Plan {
  readonly node: string;
  readonly bindings: readonly { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }[];
  readonly provisions: readonly PersistentVolumeClaim[];
}

const bindCompleted = "pv.kubernetes.io/bind-completed";
const boundByController = "pv.kubernetes.io/bound-by-controller";
const selectedNode = "volume.kubernetes.io/selected-node";
const noProvisioner = "kubernetes.io/no-provisioner";

const conflict = reject("node(s) didn't match PersistentVolume's node affinity", { preemptionHelps: false });
const nothingToBind = reject("node(s) didn't find available persistent volumes to bind", { preemptionHelps: false });
const noSpace = reject("node(s) did not have enough free storage", { preemptionHelps: false });
const volumeGone = reject("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)", {
  preemptionHelps: false,
});
const unboundImmediate = reject("pod has unbound immediate PersistentVolumeClaims", { preemptionHelps: false });

const isBound = ({ metadata, spec }: PersistentVolumeClaim) =>
  Boolean(spec?.volumeName) && metadata.annotations?.[bindCompleted] !== undefined;

/** Looks at a pod's claims; a rejection where no node could help. */
function sortClaims(pod: Pod, catalogue: VolumeCatalogue): Claims | Rejection {
  const no = (text: string) => reject(text, { preemptionHelps: false });
  const bound: (PersistentVolume | undefined)[] = [];
  const delayed: PersistentVolumeClaim[] = [];
  let immediate = false;
  for (const volume of pod.spec.volumes ?? []) {
    const named = claimNameOf(pod, volume);
    if (!named) continue;
    const claim = catalogue.claim(pod.metadata.namespace, named.name);
    if (!claim)
      return no(
        named.ephemeral
          ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${named.name}"`
          : `persistentvolumeclaim "${named.name}" not found`,
      );
    if (claim.metadata.deletionTimestamp) return no(`persistentvolumeclaim "${named.name}" is being deleted`);
    if (claim.status?.phase === "Lost")
      return no(
        `persistentvolumeclaim "${named.name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ""}"`,
      );
    if (named.ephemeral && !madeFor(pod, claim))
      return no(`PVC ${keyText(keyOf(claim))} was not created for pod ${keyText(keyOf(pod))} (pod is not owner)`);
    if (isBound(claim)) {
      bound.push(catalogue.volume(claim.spec?.volumeName ?? ""));
      continue;
    }
    const waits =
      catalogue.storageClass(classNameOf(claim))?.volumeBindingMode === "WaitForFirstConsumer" &&
      !claim.spec?.volumeName;
    if (waits) delayed.push(claim);
    else immediate = true;
  }
  return immediate ? unboundImmediate : { bound, delayed };
}

/** What to do for the claims that wait, on one node, or why it cannot be done. */
function plan(
  claims: readonly PersistentVolumeClaim[],
  node: Selectable,
  catalogue: VolumeCatalogue,
  promised: (volume: PersistentVolume) => boolean,
): Plan | Rejection {
  const bindings: Plan["bindings"][number][] = [];
  const provisions: PersistentVolumeClaim[] = [];
  const taken = (volume: PersistentVolume) =>
    promised(volume) || bindings.some((binding) => binding.volume.metadata.name === volume.metadata.name);
  for (const claim of claims) {
    const chosen = claim.metadata.annotations?.[selectedNode];
    if (chosen !== undefined) {
      if (chosen !== node.name) return nothingToBind;
      provisions.push(claim);
      continue;
    }
    const className = classNameOf(claim);
    const volume = chooseVolume(claim, catalogue.volumesOf(className), node, taken);
    if (volume) {
      bindings.push({ claim, volume });
      continue;
    }
    const storageClass = catalogue.storageClass(className);
    if (!storageClass || storageClass.provisioner === noProvisioner || !provisionsFor(storageClass, node))
      return nothingToBind;
    const driver = catalogue.driver(storageClass.provisioner);
    if (driver?.spec.storageCapacity && !hasRoom(catalogue.capacitiesOf(className), claim, node)) return noSpace;
    provisions.push(claim);
  }
  return { node: node.name, bindings, provisions };
}

export interface VolumeBindingTools {
  readonly client: Client;
  readonly informers: Informers;
  readonly clock: Clock;
  readonly catalogue: VolumeCatalogue;
}

/** Finds nodes whose volumes suit a pod's claims, and has waiting claims bound or provisioned where the pod goes. */
export function volumeBinding(tools: VolumeBindingTools, args: VolumeBindingArgs = {}) {
  const { catalogue, informers, client, clock } = tools;
  const patience = (args.bindTimeoutSeconds ?? 600) * 1000;
  const plans = new Map<string, Plan>();
  /** Volumes that are spoken for before the API knows, with the pod for whose claim. */
  const promises = new Map<string, string>();

  const write = async ({ node, bindings, provisions }: Plan) => {
    await Promise.all([
      ...bindings.map(({ claim, volume }) => {
        const { uid, name, namespace, resourceVersion } = claim.metadata;
        const claimRef = { kind: "PersistentVolumeClaim", apiVersion: "v1", namespace, name, uid, resourceVersion };
        const byHand = volume.spec?.claimRef !== undefined;
        const body = {
          metadata: {
            resourceVersion: volume.metadata.resourceVersion,
            ...(byHand ? {} : { annotations: { [boundByController]: "yes" } }),
          },
          spec: { claimRef },
        };
        return client.patch(PersistentVolume, { name: volume.metadata.name }, { type: "merge", body });
      }),
      ...provisions.map((claim) => {
        if (claim.metadata.annotations?.[selectedNode] === node) return undefined;
        const { uid, resourceVersion } = claim.metadata;
        const body = { metadata: { uid, resourceVersion, annotations: { [selectedNode]: node } } };
        return client.patch(PersistentVolumeClaim, keyOf(claim), { type: "merge", body });
      }),
    ]);
  };

  /** Resolves when all claims are bound; with a rejection when one cannot be, or it takes too long. */
  const settled = (claims: readonly PersistentVolumeClaim[], node: string, signal: AbortSignal) =>
    new Promise<Rejection | undefined>((resolve) => {
      const resources = new DisposableStack();
      const finish = (rejection?: Rejection) => {
        resources.dispose();
        resolve(rejection);
      };
      const check = () => {
        for (const claim of claims) {
          const current = informers.of(PersistentVolumeClaim).get(keyOf(claim));
          if (current?.metadata.uid !== claim.metadata.uid || current.metadata.deletionTimestamp)
            return finish(reject(`persistentvolumeclaim "${claim.metadata.name}" is gone`, { preemptionHelps: false }));
          if (!isBound(current)) return undefined;
        }
        return finish();
      };
      resources.use(
        clock.after(patience, () =>
          finish(reject("binding volumes: timed out waiting for the condition", { preemptionHelps: false })),
        ),
      );
      const abort = () => finish(reject("the scheduler ends", { preemptionHelps: false }));
      if (signal.aborted) return abort();
      signal.addEventListener("abort", abort, { once: true });
      resources.defer(() => signal.removeEventListener("abort", abort));
      const watch = informers.of(PersistentVolumeClaim).on({
        updated: (next, previous) => {
          const ours = claims.some(({ metadata }) => metadata.uid === next.metadata.uid);
          if (!ours) return;
          // A provisioner that cannot provide for this node takes the annotation away: the pod has to look elsewhere.
          const before = previous.metadata.annotations?.[selectedNode];
          const after = next.metadata.annotations?.[selectedNode];
          if (before === node && after === undefined && !isBound(next))
            finish(reject(`provisioning failed for PVC "${next.metadata.name}"`, { preemptionHelps: false }));
          else check();
        },
        deleted: () => void check(),
      });
      resources.use(watch);
      check();
    });

  return definePlugin<Claims>({
    name: "VolumeBinding",
    retryOn: [
      "StorageClass/change",
      "PersistentVolumeClaim/change",
      "PersistentVolume/change",
      "Node/add",
      "Node/labels",
      "CSINode/change",
      "CSIDriver/change",
      "CSIStorageCapacity/change",
      "Pod/update",
    ],
    stateHolds: true,
    prepareFilter(pod) {
      if (!usesClaims(pod)) return skip;
      const claims = sortClaims(pod, catalogue);
      if ("reasons" in claims) return { kind: "rejected", rejection: claims };
      return ready(claims, reachableByName(claims.bound));
    },
    filter(_pod, node, { bound, delayed }) {
      for (const volume of bound) {
        if (!volume) return volumeGone;
        if (!reachable(volume, node)) return conflict;
      }
      if (delayed.length === 0) return fits;
      const planned = plan(delayed, node, catalogue, (volume) => promises.has(volume.metadata.name));
      return "reasons" in planned ? planned : fits;
    },
    reserve(pod, node, state) {
      if (!state || state.delayed.length === 0) return fits;
      const planned = plan(state.delayed, node, catalogue, (volume) => promises.has(volume.metadata.name));
      if ("reasons" in planned) return planned;
      plans.set(pod.metadata.uid, planned);
      for (const { volume } of planned.bindings) promises.set(volume.metadata.name, pod.metadata.uid);
      return fits;
    },
    unreserve(pod) {
      plans.delete(pod.metadata.uid);
      for (const [volume, uid] of promises) if (uid === pod.metadata.uid) promises.delete(volume);
    },
    async preBind(pod, node, signal) {
      const planned = plans.get(pod.metadata.uid);
      if (!planned) return fits;
      await write(planned);
      const claims = [...planned.bindings.map(({ claim }) => claim), ...planned.provisions];
      return settled(claims, node, signal);
    },
    postBind(pod) {
      plans.delete(pod.metadata.uid);
      for (const [volume, uid] of promises) if (uid === pod.metadata.uid) promises.delete(volume);
    },
  });
}

/** The one node that local volumes are on, where all of them name it; undefined when they leave a choice. */
function reachableByName(volumes: readonly (PersistentVolume | undefined)[]): ReadonlySet<string> | undefined {
  let names: ReadonlySet<string> | undefined;
  for (const volume of volumes) {
    const terms = volume?.spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
    if (terms.length !== 1) continue;
    const byName = terms[0]?.matchFields?.find(({ key, operator }) => key === "metadata.name" && operator === "In");
    if (!byName?.values) continue;
    const these = new Set(byName.values);
    names = names ? new Set([...names].filter((name) => these.has(name))) : these;
  }
  return names;
}
