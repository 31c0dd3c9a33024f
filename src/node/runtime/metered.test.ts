import { expect, test } from "vitest";
import { Metrics } from "../../lib/metrics.ts";
import { seededRandom } from "../../lib/random.ts";
import { VirtualClock } from "../../lib/virtual-clock.ts";
import { meteredRuntime } from "./metered.ts";
import { SimulatedRuntime } from "./simulated.ts";

test("calls to the runtime are counted under the kubelet's names, and those that fail as well", async () => {
  const [metrics, clock] = [new Metrics(), new VirtualClock(0)];

  const runtime = meteredRuntime(new SimulatedRuntime({ clock, random: seededRandom(1) }), metrics, clock);
  expect((await runtime.version()).name).toBe("simulated");
  await expect(runtime.startContainer("nobody")).rejects.toThrow();
  const text = await metrics.text();
  expect(text).toContain('kubelet_runtime_operations_total{operation_type="version"} 1\n');
  expect(text).toContain('kubelet_runtime_operations_total{operation_type="start_container"} 1\n');
  expect(text).toContain('kubelet_runtime_operations_errors_total{operation_type="start_container"} 1\n');
  expect(text).not.toContain('errors_total{operation_type="version"}');
  expect(text).toContain('kubelet_runtime_operations_duration_seconds_count{operation_type="version"} 1\n');
  const pulled = meteredRuntime(
    Object.assign(new SimulatedRuntime({ clock, random: seededRandom(1) }), {
      pullImage: async () => ({ ok: false as const, reason: "ErrImagePull", message: "no such host" }),
    }) as unknown as SimulatedRuntime,
    metrics,
    clock,
  );
  await pulled.pullImage("registry.test/app:1");
  expect(await metrics.text()).toContain('kubelet_runtime_operations_errors_total{operation_type="pull_image"} 1\n');
});
