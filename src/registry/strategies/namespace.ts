import type { Namespace } from "../../api/core/namespace.ts";
import type { AnyObject } from "../resource.ts";
import type { Strategy } from "../strategy.ts";
import { withMetadata } from "../write.ts";

/** A namespace goes in two steps: it is marked, and stays until its contents are gone and `spec.finalizers` is empty. */
export const namespaceStrategy: Strategy = {
  beginDelete: (object, now) => {
    const { spec, metadata } = object as AnyObject as Namespace;
    if (!spec?.finalizers?.length && !metadata.finalizers?.length) return undefined;
    if (metadata.deletionTimestamp) return object;
    return {
      ...withMetadata(object, { deletionTimestamp: now }),
      status: { ...statusOf(object), phase: "Terminating" },
    };
  },
  mayGo: (object) => ((object as AnyObject as Namespace).spec?.finalizers?.length ?? 0) === 0,
};

const statusOf = ({ status }: AnyObject) => (typeof status === "object" ? status : {});
