import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Random } from "../../lib/random.ts";
import { follow, type ObjectFeed } from "../feed.ts";
import { Upkeep, type UpkeepOptions, type UpkeepStatus } from "../upkeep.ts";
import type { PolicyBackend } from "./backend.ts";
import { changesNothing } from "./entries.ts";
import type { NetworkPolicyInput, PolicyNamespaceInput, PolicyPodInput } from "./policy-input.ts";
import { type PolicyContext, PolicyTable } from "./table.ts";

/** What policies are made from. */
export interface PolicyFeeds {
  readonly networkPolicies: ObjectFeed<NetworkPolicyInput>;
  readonly namespaces: ObjectFeed<PolicyNamespaceInput>;
  /** The pods of the whole cluster: any may be meant by a peer. */
  readonly allPods: ObjectFeed<PolicyPodInput>;
}

export interface NetworkPoliciesOptions extends Pick<UpkeepOptions, "gather" | "resyncEvery"> {
  readonly feeds: PolicyFeeds;
  readonly backend: PolicyBackend;
  readonly context: PolicyContext;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics?: Metrics;
}

/** Policies being kept. */
export interface NetworkPolicies extends AsyncDisposable {
  /** Resolves when the kernel first holds everything that existed at the start. */
  ready(): Promise<void>;
  status(): UpkeepStatus;
}

/** Keeps the backend in line with the policies, namespaces and pods of the feeds. Disposing opens what was isolated. */
export function openNetworkPolicies(options: NetworkPoliciesOptions): NetworkPolicies {
  const { feeds, backend, context, clock, random, log, metrics, gather, resyncEvery } = options;
  const { networkPolicies, namespaces, allPods } = feeds;
  const table = new PolicyTable(context);
  const duration = metrics?.histogram(
    "navarch_network_policy_sync_duration_seconds",
    "How long it took to apply changes of network policies.",
  );
  const upkeep = new Upkeep({
    ...{ what: "network policies", clock, random, log, gather, resyncEvery },
    synced: () => Promise.all([networkPolicies.synced(), namespaces.synced(), allPods.synced()]),
    dirty: () => table.dirty,
    step: async ({ first, resync }) => {
      const began = clock.monotonic();
      const change = table.drain();
      if (first || !changesNothing(change)) await backend.apply(change);
      if (resync) {
        const { repaired } = await backend.resync();
        if (repaired > 0 && !first) log.warn("the kernel's table of policies differed and was repaired", { repaired });
      }
      duration?.observe((clock.monotonic() - began) / 1000);
    },
  });
  const keep = <T>(feed: ObjectFeed<T>, set: (object: T) => void, remove: (object: T) => void) => {
    const touched = (change: (object: T) => void) => (object: T) => {
      change(object);
      if (table.dirty) upkeep.touch();
    };
    return follow(feed, touched(set), touched(remove));
  };
  const subscriptions = [
    keep(
      namespaces,
      (namespace) => table.setNamespace(namespace),
      (namespace) => table.deleteNamespace(namespace),
    ),
    keep(
      networkPolicies,
      (policy) => table.setPolicy(policy),
      (policy) => table.deletePolicy(policy),
    ),
    keep(
      allPods,
      (pod) => table.setPod(pod),
      (pod) => table.deletePod(pod),
    ),
  ];
  return {
    ready: () => upkeep.ready(),
    status: () => upkeep.status(),
    [Symbol.asyncDispose]: async () => {
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await upkeep[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    },
  };
}
