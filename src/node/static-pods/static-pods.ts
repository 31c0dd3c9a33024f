import type { Pod } from "../../api/core/pod.ts";
import type { Client, Informer } from "../../client/client.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { keyOf, keyText } from "../../machinery/object.ts";
import type { PodStore } from "../pods/pod-store.ts";
import { LocalPods, type LocalPodsHandler } from "./local-pods.ts";
import { type ManifestSettings, ManifestSources } from "./manifest-sources.ts";
import { MirrorPods } from "./mirror-pods.ts";

export interface StaticPodsOptions extends LocalPodsHandler {
  readonly settings: ManifestSettings;
  readonly client: Client;
  /** This node's pods in the API. */
  readonly pods: Informer<Pod>;
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeName: string;
}

/** The pods that this node was given by files and URLs. */
export interface StaticPods extends AsyncDisposable {
  /** Where their workers tell how they are. */
  readonly store: PodStore;
  list(): readonly Pod[];
  /** Begins to follow the manifests. Resolves when those of the folder are known. */
  start(): Promise<void>;
  /** Resolves when every source has answered once: what is not wanted then is a stranger. */
  readonly complete: Promise<void>;
}

/** Follows a node's manifests, once started, and mirrors their pods in the API. */
export function staticPodsOf(options: StaticPodsOptions): StaticPods {
  const { settings, client, pods, clock, log, nodeName } = options;
  const { promise: complete, resolve } = Promise.withResolvers<void>();
  const opened = new AsyncDisposableStack();
  const known = (pod: Pod) => mirrors.wake(keyText(keyOf(pod)));
  const local = new LocalPods(() => clock.now(), {
    changed: (pod) => {
      options.changed(pod);
      known(pod);
    },
    gone: (pod) => {
      options.gone(pod);
      known(pod);
    },
  });
  const mirrors: MirrorPods = opened.use(
    new MirrorPods({ client, pods, clock, log, nodeName, local: (key) => local.get(key) }),
  );
  const sources = opened.use(
    new ManifestSources({
      settings,
      nodeName,
      clock,
      log,
      onPods: (wanted, all) => {
        local.want(wanted);
        if (all) resolve();
      },
    }),
  );
  return {
    store: local,
    list: () => local.list(),
    complete,
    async start() {
      await sources.start();
      void Promise.all([complete, pods.synced()]).then(
        () => mirrors.start(),
        () => {}, // closed before
      );
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
