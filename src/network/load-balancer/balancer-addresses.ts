import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { follow, type ObjectFeed } from "../feed.ts";
import { type EndpointSliceInput, objectKey, type ServiceInput } from "../proxy/service-input.ts";
import { Upkeep } from "../upkeep.ts";
import { type AnnouncingNodeInput, announcedHere } from "./announcements.ts";
import type { Announcer } from "./announcer.ts";

export interface BalancerAddressesOptions {
  readonly feeds: {
    readonly services: ObjectFeed<ServiceInput>;
    readonly endpointSlices: ObjectFeed<EndpointSliceInput>;
    /** Absent where there is only one node. */
    readonly nodes?: ObjectFeed<AnnouncingNodeInput>;
  };
  readonly nodeName: string;
  readonly announcer: Announcer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Keeps the announcer answering for those balancers' addresses that are this node's. Disposing takes them back. */
export function openBalancerAddresses(options: BalancerAddressesOptions): AsyncDisposable {
  const { feeds, nodeName: self, announcer, clock, random, log } = options;
  const services = new Map<string, ServiceInput>();
  const slices = new Map<string, EndpointSliceInput>();
  const nodes = new Map<string, AnnouncingNodeInput>();
  let dirty = true;
  let before = "";
  const upkeep = new Upkeep({
    ...{ what: "load balancers' addresses", clock, random, log },
    synced: () => Promise.all([feeds.services.synced(), feeds.endpointSlices.synced(), feeds.nodes?.synced()]),
    dirty: () => dirty,
    step: async ({ first, resync }) => {
      dirty = false;
      const known = feeds.nodes ? nodes.values() : undefined;
      const wanted = announcedHere({ services: services.values(), slices: slices.values(), nodes: known, self });
      const text = [...wanted].sort().join();
      if (!first && !resync && text === before) return;
      await announcer.announce(wanted);
      before = text;
    },
  });
  const keep = <T extends Parameters<typeof objectKey>[0]>(
    feed: ObjectFeed<T>,
    kept: Map<string, T>,
    counts: (object: T) => boolean = () => true,
  ) => {
    const change = (object: T, stays: boolean) => {
      const was = kept.delete(objectKey(object));
      if (stays) kept.set(objectKey(object), object);
      if (!was && !stays) return;
      dirty = true;
      upkeep.touch();
    };
    return follow(
      feed,
      (object) => change(object, counts(object)),
      (object) => change(object, false),
    );
  };
  const subscriptions = [
    keep(feeds.services, services, ({ spec }) => spec?.type === "LoadBalancer"),
    keep(feeds.endpointSlices, slices),
    ...(feeds.nodes ? [keep(feeds.nodes, nodes)] : []),
  ];
  return {
    [Symbol.asyncDispose]: async () => {
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await upkeep[Symbol.asyncDispose]();
      await announcer[Symbol.asyncDispose]();
    },
  };
}
