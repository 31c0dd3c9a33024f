import type { Clock } from "../../lib/clock.ts";
import { Fault } from "../../lib/fault.ts";
import type { Hooks } from "../pods/pod-services.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import { probeHttp } from "./probe.ts";

const httpTimeout = 30_000;

/** Runs postStart and preStop hooks: a command in the container, an HTTP call to it, or a pause. */
export function createHooks(options: { readonly runtime: ContainerRuntime; readonly clock: Clock }): Hooks {
  const { runtime, clock } = options;
  return {
    async run(pod, observed, hook, podIP, signal) {
      if (hook.sleep) {
        await clock.sleep(hook.sleep.seconds * 1000, signal).catch(() => {});
        return;
      }
      if (hook.exec) {
        const { command = [] } = hook.exec;
        const { exitCode, stdout, stderr } = await runtime.execSync(observed.id, command, { signal });
        if (exitCode !== 0)
          throw new Fault(
            "internal",
            `command '${command.join(" ")}' exited with ${exitCode}: ${Buffer.concat([stdout, stderr]).toString("utf8").slice(0, 1024)}`,
          );
        return;
      }
      const container = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(
        ({ name }) => name === observed.name,
      );
      if (hook.httpGet && container) {
        if (!podIP && !hook.httpGet.host) throw new Fault("missing", "the pod has no address yet");
        const { healthy, output } = await probeHttp(hook.httpGet, { container, podIP: podIP ?? "" }, httpTimeout);
        if (!healthy) throw new Fault("internal", output);
      }
    },
  };
}
