import { describe, expect, test } from "vitest";
import { hostPorts, portsClash } from "./host-ports.ts";

describe("host ports", () => {
  test("are those of containers and sidecars, not of init containers", () => {
    const ports = (hostPort: number, more = {}) => ({ name: "c", ports: [{ containerPort: 1, hostPort }], ...more });
    const pod = {
      spec: { containers: [ports(80), ports(0)], initContainers: [ports(81), ports(82, { restartPolicy: "Always" })] },
    } as never;
    expect(hostPorts(pod).map(({ port }) => port)).toEqual([80, 82]);
  });

  test.each([
    { name: "the same port of the same address", one: "1.1.1.1", two: "1.1.1.1", clash: true },
    { name: "the same port of different addresses do not clash", one: "1.1.1.1", two: "1.1.1.2", clash: false },
    { name: "all addresses include every one", one: "0.0.0.0", two: "1.1.1.2", clash: true },
  ])("$name", ({ one, two, clash }) => {
    const port = { protocol: "TCP", port: 80 };
    expect(portsClash({ ...port, ip: one }, { ...port, ip: two })).toBe(clash);
    expect(portsClash({ ...port, ip: one }, { ...port, ip: two, protocol: "UDP" })).toBe(false);
  });
});
