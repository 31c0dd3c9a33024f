import type { TokenRequest } from "../../api/authentication/token-request.ts";
import { PersistentVolume } from "../../api/core/persistent-volume.ts";
import { PersistentVolumeClaim } from "../../api/core/persistent-volume-claim.ts";
import { Pod } from "../../api/core/pod.ts";
import { CSIDriver } from "../../api/storage/csi-driver.ts";
import type { KindRef } from "../../machinery/object.ts";
import { notFound } from "../../machinery/status-error.ts";
import type { Registry } from "../../registry/registry.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { objectOf } from "../../registry/watch-cache.ts";
import type { AuthorizerChain } from "../authorization/authorizer.ts";
import type { NodeWrite } from "./node-restriction.ts";

/** A node asks for tokens of its own pods only, and for the audiences that these name. */
export function nodeTokenCheck(registry: Registry, authorizer: AuthorizerChain): (write: NodeWrite) => Promise<void> {
  const find = async <T>(kind: KindRef<T>, namespace: string, name: string): Promise<T | undefined> => {
    const { cache, resource } = registry.of(kind);
    await cache.start();
    const key = resource.key(namespace, name);
    if (!cache.get(key)) await cache.current();
    return objectOf<T>(cache.get(key));
  };

  const driversOf = async ({ metadata, spec }: Pod): Promise<readonly string[]> => {
    const drivers: string[] = [];
    for (const { name, csi, persistentVolumeClaim, ephemeral } of spec?.volumes ?? []) {
      if (csi) drivers.push(csi.driver);
      const claimName = persistentVolumeClaim?.claimName ?? (ephemeral ? `${metadata.name}-${name}` : undefined);
      if (!claimName) continue;
      const claim = await find(PersistentVolumeClaim, metadata.namespace ?? "", claimName);
      const bound = claim?.spec?.volumeName;
      const volume = bound ? await find(PersistentVolume, "", bound) : undefined;
      if (volume?.spec?.csi) drivers.push(volume.spec.csi.driver);
    }
    return drivers;
  };

  const named = async (pod: Pod, audience: string): Promise<boolean> => {
    for (const { projected } of pod.spec?.volumes ?? []) {
      for (const { serviceAccountToken } of projected?.sources ?? []) {
        if (serviceAccountToken && (serviceAccountToken.audience ?? "") === audience) return true;
      }
    }
    for (const name of await driversOf(pod)) {
      const driver = await find(CSIDriver, "", name);
      if (driver?.spec?.tokenRequests?.some((one) => one.audience === audience)) return true;
    }
    return false;
  };

  return async ({ node, object, request, refuse }) => {
    const { spec } = object as AnyObject as unknown as TokenRequest;
    const bound = spec?.boundObjectRef;
    if (bound?.apiVersion !== "v1" || bound.kind !== "Pod" || !bound.name) {
      return refuse("node requested token not bound to a pod");
    }
    if (!bound.uid) return refuse("node requested token with a pod binding without a uid");
    const pod = await find(Pod, request.namespace, bound.name);
    if (!pod) throw notFound({ group: "", plural: "pods" }, bound.name);
    const { uid } = pod.metadata;
    if (bound.uid !== uid) {
      refuse(
        `the UID in the bound object reference (${bound.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
      );
    }
    if (pod.spec?.nodeName !== node) refuse("node requested token bound to a pod scheduled on a different node");

    const [audience = "", ...others] = spec?.audiences ?? [];
    if (others.length > 0) refuse("node may only request 0 or 1 audiences");
    if (await named(pod, audience)) return;
    const question = { user: request.user, isResource: true, verb: "request-serviceaccounts-token-audience" };
    const about = { group: "", version: "v1", resource: audience, subresource: "", namespace: request.namespace };
    const decision = await authorizer.decide({ ...question, ...about, name: request.name, path: "" });
    if (decision.allowed) return;
    refuse(
      `audience ${JSON.stringify(audience)} not found in pod spec volume, ${request.user.name} is not authorized to request tokens for this audience`,
    );
  };
}
