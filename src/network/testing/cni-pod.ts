import { readFile } from "node:fs/promises";
import { commandRunner, mustRun } from "../machine/command.ts";
import { openNamespace, type TestNamespace } from "./namespaces.ts";

/** A pod's namespace that was connected by the CNI plugins, and the address it got. */
export interface CniPod extends AsyncDisposable {
  readonly namespace: TestNamespace;
  readonly address: string;
  /** All of them, the primary family's first. */
  readonly addresses: readonly string[];
}

const pluginDir = "/usr/lib/cni";

/** Does what a container runtime does: runs the plugins of a configuration list, in the node's namespace. */
export async function openCniPod(node: TestNamespace, conflistFile: string, label: string): Promise<CniPod> {
  const namespace = await openNamespace(label);
  const list = JSON.parse(await readFile(conflistFile, "utf8")) as {
    cniVersion: string;
    name: string;
    plugins: { type: string }[];
  };
  const call = async (command: "ADD" | "DEL") => {
    const environment = [
      `CNI_COMMAND=${command}`,
      `CNI_CONTAINERID=${namespace.name}`,
      `CNI_NETNS=${namespace.path}`,
      "CNI_IFNAME=eth0",
      `CNI_PATH=${pluginDir}`,
    ];
    const plugin = list.plugins[0]!;
    const config = JSON.stringify({ cniVersion: list.cniVersion, name: list.name, ...plugin });
    const prefix = ["nsenter", `--net=${node.path}`, "env", ...environment];
    return mustRun(commandRunner(prefix), [`${pluginDir}/${plugin.type}`], config);
  };
  const result = JSON.parse(await call("ADD")) as { ips: { address: string }[] };
  const addresses = result.ips.map((ip) => ip.address.split("/")[0]!);
  let gone = false;
  return {
    namespace,
    address: addresses[0]!,
    addresses,
    [Symbol.asyncDispose]: async () => {
      if (gone) return;
      gone = true;
      await call("DEL");
      await namespace[Symbol.asyncDispose]();
    },
  };
}
