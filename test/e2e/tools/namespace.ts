import { execFileSync } from "node:child_process";
import { type RunningProgram, type RunOptions, start } from "./processes.ts";

/** What stands for another machine: a network namespace with one cable. */
export interface Machine extends AsyncDisposable {
  /** Runs a program on it beside the test. */
  start(command: string, args: readonly string[], options?: Pick<RunOptions, "env" | "cwd">): RunningProgram;
  /** Runs a program on it to its good end, and gives what it said. */
  run(command: string, ...args: readonly string[]): string;
}

export interface MachineOptions {
  /** At most ten letters; unique on the machine. */
  readonly name: string;
  /** With the length of its network, as `10.254.1.100/24`. */
  readonly address: string;
  /** The other end of the cable: a bridge that it is plugged into, or an address of this machine's end. */
  readonly other: { readonly bridge: string } | { readonly address: string };
  /** Where it sends what is not for its own network. */
  readonly gateway?: string;
}

/** Makes another machine beside this one; disposing takes it away. */
export function openMachine({ name, address, other, gateway }: MachineOptions): Machine {
  const cable = `${name}0`;
  const namespace = `nvnet-${name}`;
  const inside = ["--net", `/run/netns/${namespace}`].join("=");
  const ip = (...args: readonly string[]) => execFileSync("ip", args, { encoding: "utf8", env: path });
  ip("netns", "add", namespace);
  ip("link", "add", "name", cable, "type", "veth", "peer", "name", "eth0", "netns", namespace);
  if ("bridge" in other) ip("link", "set", "dev", cable, "master", other.bridge);
  else ip("address", "add", other.address, "dev", cable);
  ip("link", "set", "dev", cable, "up");
  ip("-n", namespace, "link", "set", "dev", "lo", "up");
  ip("-n", namespace, "address", "add", address, "dev", "eth0");
  ip("-n", namespace, "link", "set", "dev", "eth0", "up");
  if (gateway) ip("-n", namespace, "route", "add", "default", "via", gateway);
  return {
    start: (command, args, options) => start("nsenter", [inside, command, ...args], options),
    run: (command, ...args) => execFileSync("nsenter", [inside, command, ...args], { encoding: "utf8", env: path }),
    async [Symbol.asyncDispose]() {
      ip("link", "delete", "dev", cable);
      ip("netns", "delete", namespace);
    },
  };
}

const path = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
