import { expect, test } from "vitest";
import { PersistentVolume } from "../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { run } from "../framework/testing/harness.ts";
import { expandController } from "./expand.ts";

const waiting = "ExternalExpanding: waiting for an external controller to expand this PVC";

test.each([
  { name: "more than it has", storage: "2Gi", phase: "Bound", uid: "c1", events: [waiting] },
  { name: "as much as it has", storage: "1024Mi", phase: "Bound", uid: "c1", events: [] },
  { name: "more, but is not bound", storage: "2Gi", phase: "Pending", uid: "c1", events: [] },
  { name: "more, but its volume is another's", storage: "2Gi", phase: "Bound", uid: "c2", events: [] },
])("a claim that asks for $name", async ({ storage, phase, uid, events }) => {
  await using harness = await run([expandController], {
    given: (cluster) => {
      cluster.put(PersistentVolume, {
        metadata: { name: "v" },
        spec: { claimRef: { namespace: "default", name: "data", uid } },
      } as never);
      cluster.put(PersistentVolumeClaim, {
        metadata: { name: "data", namespace: "default", uid: "c1" },
        spec: { volumeName: "v", resources: { requests: { storage } } },
        status: { phase, capacity: { storage: "1Gi" } },
      } as never);
    },
  });
  expect(harness.events()).toEqual(events);
});
