import { createHash } from "node:crypto";
import { isStatus } from "../../../../machinery/status-error.ts";
import { CommandError } from "../../messages.ts";
import { type AnyObject, itemsOf, pathOf } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";

/** A ReplicationController, as far as a rolling update goes. */
export interface Controller extends AnyObject {
  readonly metadata: AnyObject["metadata"] & { readonly name: string };
  readonly spec: {
    readonly replicas?: number;
    readonly selector?: Readonly<Record<string, string>>;
    readonly template: {
      readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
      readonly spec: { readonly containers: readonly Container[]; readonly [member: string]: unknown };
    };
    readonly [member: string]: unknown;
  };
}

interface Container {
  readonly name: string;
  readonly image?: string;
  readonly imagePullPolicy?: string;
}

export const desiredReplicas = "kubectl.kubernetes.io/desired-replicas";
export const originalReplicas = "kubectl.kubernetes.io/original-replicas";
export const updateSource = "kubectl.kubernetes.io/update-source-id";

const kind = {
  group: "",
  version: "v1",
  kind: "ReplicationController",
  plural: "replicationcontrollers",
  namespaced: true,
};
const pods = { group: "", version: "v1", kind: "Pod", plural: "pods", namespaced: true };

/** The replication controllers and pods of the session's namespace. */
export class Controllers {
  readonly #session: Session;
  readonly #namespace: string;

  constructor(session: Session) {
    this.#session = session;
    this.#namespace = session.access.namespace;
  }

  /** Throws StatusError. */
  async get(name: string): Promise<Controller> {
    return await this.#session.api.call<Controller>({ path: this.#path(name) });
  }

  async find(name: string): Promise<Controller | undefined> {
    try {
      return await this.get(name);
    } catch (error) {
      if (isStatus(error, "NotFound")) return undefined;
      throw error;
    }
  }

  /** The controller that an update of this one is making. */
  async updateOf({ metadata }: Controller): Promise<Controller | undefined> {
    const list = await this.#session.api.call<AnyObject>({ path: pathOf(kind, { namespace: this.#namespace }) });
    const source = `${metadata.name}:${metadata.uid ?? ""}`;
    return itemsOf(list).find((one) => one.metadata.annotations?.[updateSource] === source) as Controller | undefined;
  }

  async create(object: object): Promise<Controller> {
    const path = pathOf(kind, { namespace: this.#namespace });
    return await this.#session.api.call<Controller>({ method: "POST", path, body: object });
  }

  /** Changes fields, as a merge patch does. */
  async change(name: string, patch: object): Promise<Controller> {
    return await this.#session.api.call<Controller>({
      method: "PATCH",
      path: this.#path(name),
      contentType: "application/merge-patch+json",
      body: patch,
    });
  }

  /** `orphan` leaves the pods to whoever selects them next. */
  async delete(name: string, options: { readonly orphan?: boolean } = {}): Promise<void> {
    const propagationPolicy = options.orphan ? "Orphan" : "Background";
    const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy };
    await this.#session.api.call({ method: "DELETE", path: this.#path(name), body });
  }

  async podsOf({ spec }: Controller): Promise<readonly AnyObject[]> {
    const labels = spec.selector ?? spec.template.metadata?.labels ?? {};
    const list = await this.#session.api.call<AnyObject>({
      path: pathOf(pods, { namespace: this.#namespace }),
      query: {
        labelSelector: Object.entries(labels)
          .map(([key, value]) => `${key}=${value}`)
          .join(","),
      },
    });
    return itemsOf(list).filter(({ metadata }) => !metadata.deletionTimestamp);
  }

  async readyPods(controller: Controller): Promise<number> {
    return (await this.podsOf(controller)).filter(isReady).length;
  }

  async labelPod(name: string, labels: Readonly<Record<string, string>>): Promise<void> {
    await this.#session.api.call({
      method: "PATCH",
      path: pathOf(pods, { namespace: this.#namespace, name }),
      contentType: "application/merge-patch+json",
      body: { metadata: { labels } },
    });
  }

  #path(name: string): string {
    return pathOf(kind, { namespace: this.#namespace, name });
  }
}

function isReady({ status }: AnyObject): boolean {
  const { conditions = [] } = (status ?? {}) as {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
  return conditions.some(({ type, status: now }) => type === "Ready" && now === "True");
}

/** A name for what a controller's pods are: the same for the same template. */
export function templateHash(controller: Pick<Controller, "spec">): string {
  return createHash("sha256").update(JSON.stringify(controller.spec.template)).digest("hex").slice(0, 32);
}

/** A new controller with another image, whose pods a label of their own tells from the old ones'. Throws CommandError. */
export function withImage(
  old: Controller,
  wish: {
    readonly name: string;
    readonly image: string;
    readonly container: string;
    readonly label: string;
    readonly pullPolicy: string;
  },
): object {
  const { template, selector = template.metadata?.labels ?? {} } = old.spec;
  const { containers } = template.spec;
  if (!wish.container && containers.length > 1) {
    throw new CommandError("Must specify --container to update when the pod has several containers");
  }
  const chosen = wish.container || containers[0]?.name;
  if (!containers.some(({ name }) => name === chosen))
    throw new CommandError(`container ${JSON.stringify(chosen)} not found in pod`);
  const changed = containers.map((one) =>
    one.name === chosen
      ? { ...one, image: wish.image, ...(wish.pullPolicy ? { imagePullPolicy: wish.pullPolicy } : {}) }
      : one,
  );
  const spec = { ...template.spec, containers: changed };
  const hash = templateHash({ spec: { template: { ...template, spec } } });
  const name = wish.name || `${old.metadata.name}-${hash}`;
  const labels = { ...template.metadata?.labels, [wish.label]: hash };
  return {
    apiVersion: "v1",
    kind: "ReplicationController",
    metadata: { name, labels: old.metadata.labels },
    spec: {
      replicas: old.spec.replicas,
      selector: { ...selector, [wish.label]: hash },
      template: { metadata: { ...template.metadata, labels }, spec },
    },
  };
}
