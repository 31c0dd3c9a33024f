import { rm } from "node:fs/promises";
import { join } from "node:path";
import { commandRunner, type RunCommand } from "./machine/command.ts";
import { deleteDevice, deviceName, removeBridge } from "./pod-network/devices.ts";
import { openSysctls } from "./pod-network/sysctls.ts";

/**
 * Takes away what a node's network left when its process was killed instead of disposed: interfaces, tables, address
 * reservations; and puts back the settings that its state folder remembers. Removing what is not there is fine.
 */
export async function removeNodeNetwork(
  options: { readonly name: string; readonly stateDir: string },
  run: RunCommand = commandRunner(),
): Promise<void> {
  const { name, stateDir } = options;
  // Opened with nothing wanted, it only knows what to put back.
  await using _former = await openSysctls(run, [], join(stateDir, "sysctls.json"));
  for (const prefix of ["nvs-", "nvx-"]) await deleteDevice(run, deviceName(prefix, name));
  await removeBridge(run, deviceName("nvb-", name));
  const tables = ["ip", "ip6"].flatMap((family) => [`${family} navarch-${name}`, `${family} navarch-${name}-pods`]);
  const { stdout } = await run(["nft", "list", "tables"]);
  const there = new Set(stdout.split("\n").map((line) => line.replace(/^table /, "").trim()));
  for (const table of tables) if (there.has(table)) await run(["nft", "delete", "table", ...table.split(" ")]);
  await rm(join(stateDir, "cni-addresses"), { recursive: true, force: true });
}
