import { Namespace } from "../../api/core/namespace.ts";
import { ServiceAccount } from "../../api/core/service-account.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { defineController, done, watches } from "../framework/controller.ts";

/** Gives every namespace its `default` service account, and gives it back when it is deleted. */
export const serviceAccountController = defineController({
  name: "serviceaccount",
  serviceAccount: "service-account-controller",
  for: Namespace,
  watches: [
    watches(ServiceAccount, ({ metadata }) => (metadata.name === "default" ? [{ name: metadata.namespace }] : [])),
  ],
  async reconcile({ name: namespace }, { cache, client }) {
    if (cache.get(Namespace, { name: namespace })?.status?.phase !== "Active") return done;
    if (cache.get(ServiceAccount, { namespace, name: "default" })) return done;
    try {
      await client.create(ServiceAccount, { metadata: { namespace, name: "default" } });
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error;
    }
    return done;
  },
});
