import { Secret } from "../../api/core/secret.ts";
import { ServiceAccount } from "../../api/core/service-account.ts";
import { keyOf, type ObjectKey } from "../../machinery/object.ts";
import { type Cache, defineController, done, watches } from "../framework/controller.ts";

const tokenType = "kubernetes.io/service-account-token";
const nameAnnotation = "kubernetes.io/service-account.name";
const uidAnnotation = "kubernetes.io/service-account.uid";

export interface TokenSecretOptions {
  /** PEM certificate of the cluster's authority. */
  readonly rootCa: string;
  /** A token that lives as long as its Secret. */
  readonly token: (
    namespace: string,
    secret: string,
    account: { readonly name: string; readonly uid: string },
  ) => string;
}

function secretsOf(cache: Cache, { metadata }: ServiceAccount): readonly ObjectKey[] {
  return cache
    .list(Secret, metadata.namespace)
    .filter(({ type, metadata: about }) => type === tokenType && about.annotations?.[nameAnnotation] === metadata.name)
    .map(keyOf);
}

/** Fills Secrets of type kubernetes.io/service-account-token that people make, and deletes those whose account is gone. */
export function tokenSecretController({ rootCa, token }: TokenSecretOptions) {
  return defineController({
    name: "serviceaccount-token",
    serviceAccount: "system:kube-controller-manager", // upstream's has no account of its own either
    for: Secret,
    watches: [watches(ServiceAccount, (account, _previous, cache) => secretsOf(cache, account))],
    workers: 5,
    async reconcile(key, { cache, client }) {
      const secret = cache.get(Secret, key);
      if (secret?.type !== tokenType || secret.metadata.deletionTimestamp) return done;
      const { namespace = "", name, uid, annotations = {} } = secret.metadata;
      const accountName = annotations[nameAnnotation] ?? "";
      const account = cache.get(ServiceAccount, { namespace, name: accountName });
      const wanted = annotations[uidAnnotation];
      if (!account || (wanted !== undefined && wanted !== account.metadata.uid)) {
        await client.delete(Secret, key, { preconditions: { uid } });
        return done;
      }
      const ca = Buffer.from(rootCa).toString("base64");
      if (secret.data?.token && secret.data["ca.crt"] === ca && secret.data.namespace && wanted) return done;
      const owner = { name: accountName, uid: account.metadata.uid };
      const made = () => Buffer.from(token(namespace, name, owner)).toString("base64");
      await client.update(Secret, {
        ...secret,
        metadata: { ...secret.metadata, annotations: { ...annotations, [uidAnnotation]: owner.uid } },
        data: {
          ...secret.data,
          token: secret.data?.token || made(),
          "ca.crt": ca,
          namespace: Buffer.from(namespace).toString("base64"),
        },
      });
      return done;
    },
  });
}
