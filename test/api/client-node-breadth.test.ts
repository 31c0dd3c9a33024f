import * as clientNode from "@kubernetes/client-node";
import { expect, test } from "vitest";
import { startLiveServer } from "./tools/live-server.ts";

/** Kinds that v1.35 serves only when somebody switches them on, or that came later. */
const switchedOff = new Set([
  "ClusterTrustBundle",
  "DeviceTaintRule",
  "LeaseCandidate",
  "MutatingAdmissionPolicy",
  "MutatingAdmissionPolicyBinding",
  "PodCertificateRequest",
  "PodGroup",
  "ResourcePoolStatusRequest",
  "StorageVersion",
  "StorageVersionMigration",
  "Workload",
]);
/** Versions of which the same is true as a whole. */
const olderVersions = new Set(["ResourceV1beta1Api"]);

type Method = (parameters: object) => Promise<{ readonly kind?: string; readonly items?: readonly unknown[] }>;
type ApiClass = Parameters<clientNode.KubeConfig["makeApiClient"]>[0];

function methodsOf(api: object): readonly string[] {
  const names = new Set<string>();
  for (let each = api; each && each !== Object.prototype; each = Object.getPrototypeOf(each) as object) {
    for (const name of Object.getOwnPropertyNames(each)) names.add(name);
  }
  return [...names];
}

test("every list over all namespaces that the generated client knows is answered, but those that v1.35 keeps switched off", async () => {
  await using server = await startLiveServer();
  const config = new clientNode.KubeConfig();
  config.loadFromFile(server.kubeconfig);
  const refused: string[] = [];
  let answered = 0;
  for (const [name, value] of Object.entries(clientNode)) {
    if (!/^[A-Z].*V\d.*Api$/.test(name)) continue;
    const api = config.makeApiClient(value as ApiClass);
    for (const method of methodsOf(api)) {
      const kind = /^list(?!Namespaced)(.*?)(?:ForAllNamespaces)?$/.exec(method)?.[1];
      if (!kind || method.endsWith("WithHttpInfo")) continue;
      const call = (api as unknown as Record<string, Method>)[method]!;
      try {
        const list = await call.call(api, { limit: 1 });
        expect(list.items, `${name}.${method}`).toBeInstanceOf(Array);
        answered += 1;
      } catch (error) {
        const absent = error instanceof clientNode.ApiException && error.code === 404;
        if (!absent || !(switchedOff.has(kind) || olderVersions.has(name))) refused.push(`${name}.${method}: ${error}`);
      }
    }
  }
  expect(refused).toEqual([]);
  expect(answered).toBeGreaterThanOrEqual(60);
});
