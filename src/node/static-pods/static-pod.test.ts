import { expect, test } from "vitest";
import { dawn } from "../testing/samples.ts";
import { isMirror, isStatic, podsOfManifest } from "./static-pod.ts";

const place = { source: "file", at: "/etc/manifests/web.yaml", nodeName: "node-1", now: dawn } as const;
const manifest = (extra = "", spec = "") => `
apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web }${extra} }
spec:
  containers: [{ name: main, image: registry.test/app:1 }]
${spec}`;
const only = (text: string, at: string = place.at) => podsOfManifest(text, { ...place, at }).pods[0]!;

test("a manifest becomes a pod of the node, with a name, a place and marks that tell where it is from", () => {
  const pod = only(manifest());
  expect(pod.metadata).toMatchObject({
    name: "web-node-1",
    namespace: "default",
    uid: expect.stringMatching(/^[0-9a-f]{32}$/),
    annotations: {
      "kubernetes.io/config.hash": pod.metadata.uid,
      "kubernetes.io/config.source": "file",
      "kubernetes.io/config.seen": "2026-01-01T00:00:00.000000000Z",
    },
  });
  expect(pod.spec).toMatchObject({
    nodeName: "node-1",
    restartPolicy: "Always",
    tolerations: [{ operator: "Exists", effect: "NoExecute" }],
    containers: [{ imagePullPolicy: "IfNotPresent" }],
  });
  expect([isStatic(pod), isMirror(pod)]).toEqual([true, false]);
});

test("another text or another place is another pod, the same text the same", () => {
  const { uid } = only(manifest()).metadata;
  expect(only(manifest()).metadata.uid).toBe(uid);
  expect(only(manifest("", "  priority: 1")).metadata.uid).not.toBe(uid);
  expect(only(manifest(), "/etc/manifests/other.yaml").metadata.uid).not.toBe(uid);
  expect(only(manifest(", uid: chosen")).metadata.uid).toBe("chosen");
});

test.each([
  { spec: "  serviceAccountName: robot", says: "serviceaccounts" },
  { spec: "  volumes: [{ name: a, secret: { secretName: s } }]", says: "secrets" },
  { spec: "  volumes: [{ name: a, configMap: { name: s } }]", says: "configmaps" },
  { spec: "  volumes: [{ name: a, persistentVolumeClaim: { claimName: s } }]", says: "persistentvolumeclaims" },
])("a pod that needs $says of the API is refused", ({ spec, says }) => {
  const { pods, faults } = podsOfManifest(manifest("", spec), place);
  expect(pods).toEqual([]);
  expect(faults).toEqual([`${place.at}: pod web-node-1: static pods can not reference ${says}`]);
});

test("lists and several documents give all of their pods; what is wrong in one does not hold up the others", () => {
  const good = { kind: "Pod", metadata: { name: "a" }, spec: { containers: [{ name: "main", image: "i" }] } };
  const bad = { kind: "Pod", metadata: { name: "b" }, spec: { containers: [] } };
  const { pods, faults } = podsOfManifest(JSON.stringify({ kind: "PodList", items: [bad, good] }), place);
  expect(pods.map(({ metadata }) => metadata.name)).toEqual(["a-node-1"]);
  expect(faults).toEqual([`${place.at}: pod b-node-1: spec.containers: Required value`]);
  expect(podsOfManifest(`${manifest()}---${manifest()}`, place).pods).toHaveLength(2);
});

test("what is no pod is a fault", () => {
  expect(() => podsOfManifest("kind: Service", place)).toThrow(/holds a Service where a Pod is expected/);
});
