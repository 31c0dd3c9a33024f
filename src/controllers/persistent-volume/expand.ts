import { PersistentVolume } from "../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import type { KindRef, KubeObject } from "../../machinery/object.ts";
import { compareQuantities } from "../../machinery/quantity.ts";
import { defineController, done } from "../framework/controller.ts";

const sizeOf = (claim: KubeObject) =>
  (claim as unknown as PersistentVolumeClaim).spec.resources?.requests?.storage ?? "0";

/** Says of a claim that asks for more than it has that its driver's own resizer must act: no volume is made larger here. */
export const expandController = defineController({
  name: "expand",
  eventSource: "volume_expand",
  for: PersistentVolumeClaim,
  wakes: (next, previous) => compareQuantities(sizeOf(next), sizeOf(previous)) > 0,
  reads: [PersistentVolume as unknown as KindRef<KubeObject>],
  workers: 10,
  async reconcile(key, { cache, events }) {
    const claim = cache.get(PersistentVolumeClaim, key);
    if (claim?.status?.phase !== "Bound") return done;
    const volume = cache.get(PersistentVolume, { name: claim.spec.volumeName ?? "" });
    if (volume?.spec.claimRef?.uid !== claim.metadata.uid) return done;
    const wanted = claim.spec.resources?.requests?.storage ?? "0";
    if (compareQuantities(wanted, claim.status.capacity?.storage ?? "0") <= 0) return done;
    events.record(claim, "Normal", "ExternalExpanding", "waiting for an external controller to expand this PVC");
    return done;
  },
});
