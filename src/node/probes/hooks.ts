import type { HTTPGetAction } from "../../api/generated/core-v1.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";
import { declared, fieldPathOf } from "../pods/containers.ts";
import type { Hooks } from "../pods/pod-services.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import { httpGet, plainAnswer } from "./http-get.ts";

const httpTimeout = 30_000;

/** Runs postStart and preStop hooks: a command in the container, an HTTP call to it, or a pause. */
export function createHooks(options: {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly events: EventRecorder;
}): Hooks {
  const { runtime, clock, events } = options;
  return {
    async run(pod, observed, hook, podIP, signal) {
      const { name } = observed;
      const where = `for Container "${name}" in Pod "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})" failed`;
      if (hook.sleep) {
        await clock.sleep(hook.sleep.seconds * 1000, signal).catch(() => {});
        return;
      }
      if (hook.exec) {
        const { command = [] } = hook.exec;
        const shown = `Exec lifecycle hook ([${command.join(" ")}]) ${where}`;
        const fault = (error: string, output: string) =>
          new Fault("internal", `${shown} - error: ${error}, message: ${JSON.stringify(output)}`);
        const { exitCode, stdout, stderr } = await runtime.execSync(observed.id, command, { signal }).catch((error) => {
          throw fault(errorMessage(error), "");
        });
        const output = Buffer.concat([stdout, stderr]).toString("utf8").slice(0, 1024);
        if (exitCode !== 0) throw fault(`command '${command.join(" ")}' exited with ${exitCode}`, output);
        return;
      }
      const container = declared(pod, name);
      if (hook.httpGet && container) {
        const { path = "/" } = hook.httpGet;
        const fault = (error: string) =>
          new Fault("internal", `HTTP lifecycle hook (${path}) ${where} - error: ${error}, message: ""`);
        if (!podIP && !hook.httpGet.host) throw fault("failed to find networking container: {}");
        // Any answer will do: a hook asks for nothing but to be called.
        const asking = { timeoutMs: httpTimeout, signal, as: "kube-lifecycle" } as const;
        const answer = await httpGet(hook.httpGet, container, podIP ?? "", asking);
        if (answer.ok) return;
        if (!answer.fault.endsWith(plainAnswer)) throw fault(answer.fault);
        // Hooks were once called by HTTP whatever they said: those that still need it are, without anything secret.
        const again = await httpGet(inPlain(hook.httpGet), container, podIP ?? "", asking);
        if (!again.ok) throw fault(again.fault);
        const { port, host = podIP } = hook.httpGet;
        const message = `request to HTTPS lifecycle hook ${host}:${port} got HTTP response, retry with HTTP succeeded`;
        events.record(pod, "Warning", "LifecycleHTTPFallback", message, fieldPathOf(pod, name));
      }
    },
  };
}

function inPlain({ httpHeaders = [], ...action }: HTTPGetAction): HTTPGetAction {
  const open = httpHeaders.filter(({ name }) => name.toLowerCase() !== "authorization");
  return { ...action, scheme: "HTTP", httpHeaders: open };
}
