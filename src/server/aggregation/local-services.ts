import { APIService } from "../../api/apiregistration/api-service.ts";
import { isEqual } from "../../machinery/equality.ts";
import { isStatus } from "../../machinery/status-error.ts";
import { deleteObject } from "../../registry/delete.ts";
import type { Registry } from "../../registry/registry.ts";
import { Maker } from "../bootstrap/bootstrap.ts";
import type { Catalog } from "../discovery/catalog.ts";
import { withCondition } from "./conditions.ts";

const managed = "kube-aggregator.kubernetes.io/automanaged";
const ownGroup = "apiregistration.k8s.io";

/** How far up a group stands in discovery. */
export const groupPriorities: Readonly<Record<string, number>> = {
  "": 18000,
  extensions: 17900,
  apps: 17800,
  "events.k8s.io": 17750,
  "authentication.k8s.io": 17700,
  "authorization.k8s.io": 17600,
  autoscaling: 17500,
  batch: 17400,
  "certificates.k8s.io": 17300,
  "networking.k8s.io": 17200,
  policy: 17100,
  "rbac.authorization.k8s.io": 17000,
  "storage.k8s.io": 16800,
  "apiextensions.k8s.io": 16700,
  "admissionregistration.k8s.io": 16700,
  "scheduling.k8s.io": 16600,
  "coordination.k8s.io": 16500,
  "node.k8s.io": 16300,
  "discovery.k8s.io": 16200,
  "flowcontrol.apiserver.k8s.io": 16100,
  "internal.apiserver.k8s.io": 16000,
  "resource.k8s.io": 15900,
  "metrics.k8s.io": 100,
};

/** Versions that do not stand three steps apart in their group, as upstream has them. */
const versionPriorities: Readonly<Record<string, number>> = {
  "autoscaling/v2": 30,
  "autoscaling/v1": 15,
  "autoscaling/v2beta1": 9,
  "autoscaling/v2beta2": 1,
  "certificates.k8s.io/v1beta1": 9,
  "coordination.k8s.io/v1beta1": 13,
  "events.k8s.io/v1beta1": 5,
  "flowcontrol.apiserver.k8s.io/v1": 21,
  "flowcontrol.apiserver.k8s.io/v1beta3": 18,
  "flowcontrol.apiserver.k8s.io/v1beta2": 15,
  "flowcontrol.apiserver.k8s.io/v1beta1": 12,
};

const usualPriority = (group: string, index: number) => (group === "" ? 1 : Math.max(1, 15 - 3 * index));

interface LocalService {
  readonly name: string;
  readonly automanaged: "onstart" | "true";
  readonly spec: APIService["spec"];
}

/** Keeps an APIService for every group version that this server answers for itself, and none for what it no longer does. */
export class LocalServices {
  readonly #registry: Registry;
  readonly #catalog: Catalog;
  readonly #builtIn: ReadonlySet<string>;
  readonly #maker: Maker;

  /** `builtIn` are the apiVersions that come with the server; others come and go. */
  constructor(registry: Registry, catalog: Catalog, builtIn: ReadonlySet<string>) {
    this.#registry = registry;
    this.#catalog = catalog;
    this.#builtIn = builtIn;
    this.#maker = new Maker(registry);
  }

  async reconcile(): Promise<void> {
    const wanted = new Map(this.#wanted().map((service) => [service.name, service]));
    const { cache, resource } = this.#registry.of(APIService);
    const present = Array.from(cache.range(resource.range), ({ object }) => object as unknown as APIService);
    const gone = present.filter(({ metadata }) => metadata.labels?.[managed] && !wanted.has(metadata.name ?? ""));
    await Promise.all([
      ...Array.from(wanted.values(), (service) => this.#ensure(service)),
      ...gone.map(({ metadata }) => this.#remove(metadata.name ?? "")),
    ]);
  }

  #wanted(): readonly LocalService[] {
    return this.#catalog.groups
      .filter(({ name }) => name !== ownGroup)
      .flatMap(({ name: group, versions }) =>
        versions.map(({ version, apiVersion }, index): LocalService => {
          const builtIn = this.#builtIn.has(apiVersion);
          return {
            name: `${version}.${group}`,
            automanaged: builtIn ? "onstart" : "true",
            spec: {
              ...(group ? { group } : {}),
              version,
              groupPriorityMinimum: builtIn ? (groupPriorities[group] ?? 15000) : 1000,
              versionPriority: builtIn ? (versionPriorities[apiVersion] ?? usualPriority(group, index)) : 100,
            },
          };
        }),
      );
  }

  async #ensure({ name, automanaged, spec }: LocalService): Promise<void> {
    const { cache, resource } = this.#registry.of(APIService);
    const known = cache.get(resource.key(undefined, name))?.object as unknown as APIService | undefined;
    // Whoever took a group version over, by a server of their own, keeps it.
    if (known && !known.metadata.labels?.[managed]) return;
    const metadata = { name, labels: { [managed]: automanaged } };
    const object = { apiVersion: "apiregistration.k8s.io/v1", kind: "APIService", metadata, spec };
    if (!known) await this.#maker.ensure(APIService, object);
    else if (!isEqual({ group: "", ...known.spec }, { group: "", ...spec })) {
      await this.#maker.put(APIService, object as never);
    }
    if (known?.status?.conditions?.some(({ type, status }) => type === "Available" && status === "True")) return;
    await this.#maker.status(APIService, name, (current) =>
      withCondition(current, this.#registry.clock.now(), {
        status: "True",
        reason: "Local",
        message: "Local APIServices are always available",
      }),
    );
  }

  async #remove(name: string): Promise<void> {
    try {
      const request = { namespace: undefined, name, options: {}, dryRun: false };
      await deleteObject(this.#registry.of(APIService), this.#registry, request);
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
  }
}
