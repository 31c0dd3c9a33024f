import type { V1Pod } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { eventually } from "./tools/eventually.ts";
import { nameOf, Pods, server, shell, testImages } from "./tools/pods.ts";
import { ownNamespace, sharedCluster } from "./tools/spec.ts";

/* Who a container is and what the kernel lets it do, as upstream's conformance list names it. All pods run at once. */

const cluster = sharedCluster();
const ns = ownNamespace(cluster, "conformance-security");
testImages(cluster);
const pods = new Pods(cluster, ns);
const whoAmI = "id -u; id -g; id -G";

describe.concurrent("Security Context", () => {
  test("When creating a container with runAsUser should run the container with uid 65534", async () => {
    const container = shell("id -u", { securityContext: { runAsUser: 65534 } });
    expect(await pods.output("nobody", { containers: [container] })).toBe("65534\n");
  });

  test("When creating a container with runAsNonRoot should not run as root", async () => {
    const cases = [
      { runAsNonRoot: true, runAsUser: 0 },
      // The image names no user, so that would be root.
      { runAsNonRoot: true },
    ];
    const messages = cases.map(async (securityContext) => {
      const pod = await pods.create("no-root", {
        restartPolicy: "Never",
        containers: [shell("id -u", { securityContext })],
      });
      return await waitingMessage(pod);
    });
    expect(await Promise.all(messages)).toEqual([
      expect.stringMatching(/^container's runAsUser breaks non-root policy \(pod: .*, container: main\)$/),
      expect.stringMatching(/^container has runAsNonRoot and image will run as root \(pod: .*, container: main\)$/),
    ]);
  });

  test("When creating a pod with privileged should run the container as unprivileged when false", async () => {
    const script = "ip address add 10.255.255.9/32 dev lo || echo refused";
    const container = (privileged: boolean) => ({
      containers: [{ ...shell(script, { securityContext: { privileged } }) }],
    });
    expect(await pods.output("unprivileged", container(false))).toMatch(/^refused$/m);
    expect(await pods.output("privileged", container(true))).not.toMatch(/^refused$/m);
  });

  test("When creating a pod with readOnlyRootFilesystem should run the container with writable rootfs when readOnlyRootFilesystem=false", async () => {
    const container = shell("echo written > /file; cat /file", { securityContext: { readOnlyRootFilesystem: false } });
    expect(await pods.output("writable", { containers: [container] })).toBe("written\n");
  });

  test("should support container.SecurityContext.RunAsUser And container.SecurityContext.RunAsGroup", async () => {
    const securityContext = { runAsUser: 1001, runAsGroup: 2002 };
    expect(await pods.output("container-ids", { containers: [shell(whoAmI, { securityContext })] })).toBe(
      "1001\n2002\n2002\n",
    );
  });

  test("should support pod.Spec.SecurityContext.RunAsUser And pod.Spec.SecurityContext.RunAsGroup", async () => {
    const securityContext = { runAsUser: 1001, runAsGroup: 2002 };
    expect(await pods.output("pod-ids", { securityContext, containers: [shell(whoAmI)] })).toBe("1001\n2002\n2002\n");
  });

  test("should support pod.Spec.SecurityContext.SupplementalGroups", async () => {
    const securityContext = { runAsUser: 1001, runAsGroup: 2002, supplementalGroups: [1234, 5678], fsGroup: 3003 };
    expect(await pods.output("groups", { securityContext, containers: [shell("id -G")] })).toBe(
      "2002 1234 3003 5678\n",
    );
  });

  // A copy of a program that belongs to root and runs as its owner, whoever starts it.
  const raised = (securityContext: object) => {
    const volumeMounts = [{ name: "programs", mountPath: "/programs" }];
    const copy = ["sh", "-c", "cp $(which node) /programs/node; chmod 4755 /programs/node"];
    return {
      volumes: [{ name: "programs", emptyDir: {} }],
      initContainers: [{ ...server({ command: copy, volumeMounts }), name: "copy" }],
      containers: [
        server({
          command: ["/programs/node", "-p", "process.geteuid()"],
          securityContext: { runAsUser: 1000, ...securityContext },
          volumeMounts,
        }),
      ],
    };
  };

  test("when creating containers with AllowPrivilegeEscalation should not allow privilege escalation when false", async () => {
    expect(await pods.output("held", raised({ allowPrivilegeEscalation: false }))).toBe("1000\n");
  });

  test("when creating containers with AllowPrivilegeEscalation should allow privilege escalation when true", async () => {
    expect(await pods.output("raised", raised({ allowPrivilegeEscalation: true }))).toBe("0\n");
  });

  test("when creating containers with AllowPrivilegeEscalation should allow privilege escalation when not explicitly set and uid != 0", async () => {
    expect(await pods.output("as-it-was", raised({}))).toBe("0\n");
  });

  test("should add and drop capabilities", async () => {
    const script = "grep CapEff /proc/self/status";
    const capabilities = (change: object) => ({
      containers: [shell(script, { securityContext: { capabilities: change } })],
    });
    expect(await pods.output("none", capabilities({ drop: ["ALL"] }))).toBe("CapEff:\t0000000000000000\n");
    // NET_BIND_SERVICE is the tenth.
    const one = capabilities({ drop: ["ALL"], add: ["NET_BIND_SERVICE"] });
    expect(await pods.output("one", one)).toBe("CapEff:\t0000000000000400\n");
  });

  test("should confine what a container may call unless it is to be unconfined", async () => {
    const modes = ["RuntimeDefault", "Unconfined"].map((type) =>
      pods.output("seccomp", {
        securityContext: { seccompProfile: { type } },
        containers: [shell("grep ^Seccomp: /proc/self/status")],
      }),
    );
    expect(await Promise.all(modes)).toEqual(["Seccomp:\t2\n", "Seccomp:\t0\n"]);
  });
});

async function waitingMessage(pod: V1Pod): Promise<string> {
  const found = await pods.until(pod, "waits with a reason", ({ status }) => {
    return status?.containerStatuses?.[0]?.state?.waiting?.reason === "CreateContainerConfigError";
  });
  return found.status?.containerStatuses?.[0]?.state?.waiting?.message ?? "";
}

describe.concurrent("Sysctls", () => {
  test("should support sysctls", async () => {
    const securityContext = { sysctls: [{ name: "kernel.shm_rmid_forced", value: "1" }] };
    const script = "cat /proc/sys/kernel/shm_rmid_forced";
    expect(await pods.output("sysctl", { securityContext, containers: [shell(script)] })).toBe("1\n");
  });

  test("should support sysctls with slashes as separator", async () => {
    const securityContext = { sysctls: [{ name: "kernel/shm_rmid_forced", value: "1" }] };
    const script = "cat /proc/sys/kernel/shm_rmid_forced";
    expect(await pods.output("slashes", { securityContext, containers: [shell(script)] })).toBe("1\n");
  });

  test("should reject invalid sysctls", async () => {
    const sysctls = ["foo-", "kernel.shmmax", "safe-and-unsafe", "bar.."].map((name) => ({ name, value: "42" }));
    const refused = await pods.create("invalid", { securityContext: { sysctls }, containers: [shell("true")] }).then(
      () => "accepted",
      (error: unknown) => String((error as { body?: string }).body),
    );
    for (const [at, name] of ["foo-", undefined, undefined, "bar.."].entries()) {
      const told = `spec.securityContext.sysctls[${at}].name: Invalid value: \\"${sysctls[at]!.name}\\"`;
      if (name) expect(refused).toContain(told);
      else expect(refused).not.toContain(told);
    }
  });

  test("should not launch unsafe, but not explicitly enabled sysctls on the node", async () => {
    const securityContext = { sysctls: [{ name: "kernel.msgmax", value: "10000000000" }] };
    const pod = await pods.ended(await pods.create("unsafe", { securityContext, containers: [shell("true")] }));
    expect(pod.status).toMatchObject({ phase: "Failed", reason: "SysctlForbidden" });
    await eventually("it is told", async () => {
      const fieldSelector = `involvedObject.name=${nameOf(pod)},reason=SysctlForbidden`;
      const { items } = await pods.core.listNamespacedEvent({ namespace: ns, fieldSelector });
      expect(items).toHaveLength(1);
    });
  });
});
