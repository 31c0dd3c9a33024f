import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Random } from "../../lib/random.ts";
import { follow, type ObjectFeed } from "../feed.ts";
import type { EndpointSliceInput } from "../proxy/service-input.ts";
import { objectKey } from "../proxy/service-input.ts";
import { Upkeep } from "../upkeep.ts";
import type { IngressEngine } from "./engine.ts";
import type { IngressClassInput, IngressInput, IngressServiceInput } from "./ingress-input.ts";
import { IngressState } from "./ingress-state.ts";
import type { IngressPlan, IngressTrouble } from "./plan.ts";
import type { RoutingTable } from "./routing-table.ts";
import { type SecretFeed, SecretFollower } from "./secret-follower.ts";
import { readAuthority, readTlsSecret } from "./tls-secrets.ts";

export interface NodeIngressOptions<I extends IngressInput = IngressInput> {
  readonly feeds: {
    readonly ingresses: ObjectFeed<I>;
    readonly classes: ObjectFeed<IngressClassInput>;
    readonly services: ObjectFeed<IngressServiceInput>;
    readonly endpointSlices: ObjectFeed<EndpointSliceInput>;
    /** Opened for each Secret that an Ingress names. */
    readonly secret: (namespace: string, name: string) => SecretFeed;
  };
  /** Opened once there is an Ingress to serve: until then ports and memory are left to others. Tried again while it cannot be. */
  readonly openEngine: () => Promise<IngressEngine>;
  /** Told once of each thing that an Ingress asks for and does not get. */
  readonly report: (ingress: I, reason: string, message: string) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** A node's part in serving Ingresses: follows what they are made from, and tells an engine. */
export interface NodeIngress extends AsyncDisposable {
  /** Resolves when requests are answered by what existed at the start. */
  ready(): Promise<void>;
}

/** How long, in ms, the first answers wait for Secrets, rather than show the default certificate. */
const secretPatience = 3000;

export function openNodeIngress<I extends IngressInput>(options: NodeIngressOptions<I>): NodeIngress {
  const { feeds, clock, random, log, report } = options;
  const state = new IngressState();
  let dirty = true;
  let plan: IngressPlan | undefined;
  let engine: IngressEngine | undefined;
  let told: ReadonlySet<string> = new Set();
  const changed = () => {
    dirty = true;
    upkeep.touch();
  };
  const planned = (concerns: boolean) => {
    if (!concerns) return;
    plan = undefined;
    changed();
  };
  const shown = new SecretFollower(feeds.secret, readTlsSecret, changed);
  const trusted = new SecretFollower(feeds.secret, readAuthority, changed);

  const tell = (troubles: readonly IngressTrouble[]) => {
    const now = new Set<string>();
    for (const { ingress, reason, message } of troubles) {
      const key = `${objectKey(ingress)} ${ingress.metadata?.uid} ${reason} ${message}`;
      if (!now.has(key) && !told.has(key)) report(ingress as I, reason, message);
      now.add(key);
    }
    told = now;
  };

  const upkeep: Upkeep = new Upkeep({
    what: "ingresses",
    synced: () =>
      Promise.all([feeds.ingresses, feeds.classes, feeds.services, feeds.endpointSlices].map((feed) => feed.synced())),
    dirty: () => dirty,
    async step() {
      dirty = false;
      try {
        plan ??= state.plan();
        const current = plan;
        shown.want(new Set(current.secrets.keys()));
        trusted.want(new Set(current.authorities.keys()));
        if (!engine) {
          if (isEmpty(current.table)) return;
          await inTime(Promise.all([shown.synced(), trusted.synced()]), clock);
          engine = await options.openEngine();
        }
        const { values: certificates, troubles: withoutCertificate } = shown.read();
        const { values: authorities, troubles: withoutAuthority } = trusted.read();
        engine.apply({ table: current.table, certificates, authorities });
        tell([
          ...current.troubles,
          ...secretTroubles(
            current.secrets,
            withoutCertificate,
            "CertificateUnusable",
            "The default certificate is shown",
          ),
          ...secretTroubles(
            current.authorities,
            withoutAuthority,
            "AuthorityUnusable",
            "Its back ends are not spoken to",
          ),
        ]);
      } catch (error) {
        dirty = true;
        throw error;
      }
    },
    clock,
    random,
    log,
  });

  const following = [
    follow(
      feeds.ingresses,
      (ingress) => planned(state.setIngress(ingress)),
      (ingress) => planned(state.deleteIngress(ingress)),
    ),
    follow(
      feeds.classes,
      (known) => planned(state.setClass(known)),
      (known) => planned(state.deleteClass(known)),
    ),
    follow(
      feeds.services,
      (service) => planned(state.setService(service)),
      (service) => planned(state.deleteService(service)),
    ),
    follow(
      feeds.endpointSlices,
      (slice) => planned(state.setSlice(slice)),
      (slice) => planned(state.deleteSlice(slice)),
    ),
  ];
  return {
    ready: () => upkeep.ready(),
    async [Symbol.asyncDispose]() {
      for (const each of following) each[Symbol.dispose]();
      await upkeep[Symbol.asyncDispose]();
      await engine?.[Symbol.asyncDispose]();
      await shown[Symbol.asyncDispose]();
      await trusted[Symbol.asyncDispose]();
    },
  };
}

function isEmpty({ hosts, fallback }: RoutingTable): boolean {
  return hosts.size === 0 && fallback === undefined;
}

function secretTroubles(
  named: IngressPlan["secrets"],
  troubles: ReadonlyMap<string, string>,
  reason: string,
  effect: string,
): readonly IngressTrouble[] {
  return Array.from(troubles, ([secret, trouble]) =>
    (named.get(secret) ?? []).map((ingress) => ({
      ...{ ingress, reason },
      message: `${effect}, since Secret "${secret}" cannot be used: ${trouble}`,
    })),
  ).flat();
}

async function inTime(work: Promise<unknown>, clock: Clock): Promise<void> {
  const waited = new AbortController();
  await Promise.race([work, clock.sleep(secretPatience, waited.signal).catch(() => {})]);
  waited.abort();
}
