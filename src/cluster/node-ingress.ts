import { Secret } from "../api/core/secret.ts";
import { Ingress } from "../api/networking/ingress.ts";
import { IngressClass } from "../api/networking/ingress-class.ts";
import type { Client } from "../client/client.ts";
import { createEventRecorder } from "../client/event-recorder.ts";
import { createInformers } from "../client/informer.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Random } from "../lib/random.ts";
import { type NodeIngressOptions, openNodeIngress } from "../network/ingress/node-ingress.ts";
import type { IngressSettings } from "./ingress-settings.ts";
import { nodeAddresses } from "./local-nodes.ts";
import type { NodeSettings } from "./node-settings.ts";

interface Tools {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** What the node's service proxy follows already. */
type SharedFeeds = Pick<NodeIngressOptions["feeds"], "services" | "endpointSlices">;

/** Serves Ingresses at the node's addresses until disposed. A port that is taken keeps nothing else from working: it is tried again. */
export function openIngress(
  { httpPort, httpsPort, accessLog }: IngressSettings,
  { name, ...node }: Pick<NodeSettings, "name" | "address" | "secondAddress">,
  client: Client,
  shared: SharedFeeds,
  { clock, random, metrics, ...tools }: Tools,
): AsyncDisposable {
  const log = tools.log.child({ part: "ingress" });
  const informed = { client, clock, random, log };
  const informers = createInformers(informed);
  const events = createEventRecorder({ ...informed, source: { component: "ingress", host: name } });
  const serving = openNodeIngress<Ingress>({
    feeds: {
      ...shared,
      ingresses: informers.of(Ingress),
      classes: informers.of(IngressClass),
      secret(namespace, secretName) {
        // Rights are given by name, so each Secret is asked for by its own.
        const own = createInformers(informed);
        const feed = own.of(Secret, { namespace, fieldSelector: `metadata.name=${secretName}` });
        return { feed, [Symbol.asyncDispose]: () => own[Symbol.asyncDispose]() };
      },
    },
    // The library that makes certificates is large; nodes without Ingresses do without.
    async openEngine() {
      const [{ openNodeEngine }, { makeDefaultCertificate }] = await Promise.all([
        import("../network/ingress/engine/node-engine.ts"),
        import("../network/ingress/default-certificate.ts"),
      ]);
      const certificate = await makeDefaultCertificate(clock);
      return openNodeEngine({
        hosts: nodeAddresses(node),
        httpPort,
        httpsPort,
        certificate,
        accessLog,
        clock,
        metrics,
        log,
      });
    },
    report: (ingress, reason, message) => events.record(ingress, "Warning", reason, message),
    ...{ clock, random, log },
  });
  return {
    async [Symbol.asyncDispose]() {
      await serving[Symbol.asyncDispose]();
      await informers[Symbol.asyncDispose]();
    },
  };
}
