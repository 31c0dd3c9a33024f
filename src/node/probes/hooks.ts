import type { Clock } from "../../lib/clock.ts";
import { errorMessage, Fault } from "../../lib/fault.ts";
import { declared } from "../pods/containers.ts";
import type { Hooks } from "../pods/pod-services.ts";
import type { ContainerRuntime } from "../runtime/runtime.ts";
import { httpGet } from "./http-get.ts";

const httpTimeout = 30_000;

/** Runs postStart and preStop hooks: a command in the container, an HTTP call to it, or a pause. */
export function createHooks(options: { readonly runtime: ContainerRuntime; readonly clock: Clock }): Hooks {
  const { runtime, clock } = options;
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
        const answer = await httpGet(hook.httpGet, container, podIP ?? "", { timeoutMs: httpTimeout, signal });
        if (!answer.ok) throw fault(answer.fault);
      }
    },
  };
}
