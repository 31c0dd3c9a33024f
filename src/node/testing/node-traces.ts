import { execFile } from "node:child_process";
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { detectCgroups } from "../runtime/cgroup-hierarchy.ts";
import { mountsBelow } from "../runtime/mounts.ts";

const run = promisify(execFile);
const environment = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** By which names and places something on the machine is known to be a node's. */
export interface NodeMarks {
  /** Everything of the node lies in here. */
  readonly folder: string;
  /** The folder of its containerd: `folder` or one in it. */
  readonly containerd: string;
  /** Its top control group, without a slash. */
  readonly cgroup: string;
  /** The name of its CNI network. */
  readonly network: string;
  readonly bridge: string;
  /** Where host-local writes down the addresses that are given out. */
  readonly addresses: string;
  /** The beginning of the names of its nftables tables. */
  readonly tables?: string;
}

/** What pods have in the folders of containerd and of the agent, from the node's folder; the last part names one thing. */
const perContainerd = [
  "state/io.containerd.runtime.v2.task/k8s.io/*",
  "state/oci-*/k8s.io/*",
  "state/io.containerd.grpc.v1.cri/{sandboxes,containers,netns}/*",
  "root/io.containerd.grpc.v1.cri/{sandboxes,containers}/*",
  "root/io.containerd.runtime.v2.task/k8s.io/*",
  "root/io.containerd.snapshotter.v1.overlayfs/snapshots/*",
  "root/tmpmounts/*",
];
const perNode = ["{pods,memory,pod-logs,local-path}/*"];

/** Sees what a node's pods have on the machine: in the kernel, in containerd and on disk. */
export class NodeTraces {
  readonly #marks: NodeMarks;
  /** A shim's socket has a name that tells nothing; it is known from the folder of its container, while that is there. */
  readonly #sockets = new Set<string>();

  constructor(marks: NodeMarks) {
    this.#marks = marks;
  }

  /** A line for each thing that is there now (`mount: /...`, `interface: veth...`), but for what a node makes once for all its pods. */
  async look(): Promise<ReadonlySet<string>> {
    const { folder, containerd, addresses, network } = this.#marks;
    const [mountinfo, links, groups, tables] = await Promise.all([
      readFile("/proc/self/mountinfo", "utf8"),
      this.#interfaces(),
      this.#groups(),
      this.#tables(),
    ]);
    const files = [
      ...globSync(perContainerd.map((pattern) => join(containerd, pattern))),
      ...globSync(perNode.map((pattern) => join(folder, pattern))),
    ];
    const given = existsSync(addresses) ? readdirSync(addresses, { recursive: true, encoding: "utf8" }) : [];
    const results = existsSync(cniResults) ? readdirSync(cniResults) : [];
    return new Set([
      ...mountsBelow(mountinfo, folder)
        .filter((point) => point !== join(folder, "memory"))
        .map((point) => `mount: ${point}`),
      ...links.map((name) => `interface: ${name}`),
      ...groups.map((name) => `control group: ${name}`),
      ...tables.map((entry) => `nftables: ${entry}`),
      ...files.map((path) => `file: ${path}`),
      ...given
        .filter((name) => /[.:].*[0-9a-f]$/.test(name) && !/last_reserved/.test(name))
        .map((name) => `address: ${name}`),
      ...results.filter((name) => name.startsWith(`${network}-`)).map((name) => `network of a sandbox: ${name}`),
      ...this.#openSockets().map((path) => `socket: ${path}`),
      ...this.#processes().map((words) => `process: ${words}`),
    ]);
  }

  async #interfaces(): Promise<readonly string[]> {
    const { stdout } = await run("ip", ["-o", "link"], { env: environment });
    const ours = stdout.split("\n").filter((line) => line.includes(` master ${this.#marks.bridge} `));
    return ours.map((line) => /^\d+: ([^:@]+)/.exec(line)?.[1] ?? line);
  }

  async #groups(): Promise<readonly string[]> {
    const { mounts } = await detectCgroups();
    return mounts.flatMap((mount) => {
      const top = join(mount, this.#marks.cgroup);
      return globSync(join(top, "**/*/")).map((path) => path);
    });
  }

  /** Every table's chains, and the elements of its sets and maps. */
  async #tables(): Promise<readonly string[]> {
    const { tables } = this.#marks;
    if (tables === undefined) return [];
    const { stdout } = await run("nft", ["-j", "list", "ruleset"], { env: environment, maxBuffer: 100_000_000 });
    const { nftables } = JSON.parse(stdout) as { nftables: readonly Readonly<Record<string, NftObject>>[] };
    return nftables.flatMap((each) =>
      Object.entries(each).flatMap(([kind, { family, table, name, elem = [] }]) => {
        if (kind === "rule" || (table !== tables && !table?.startsWith(`${tables}-`))) return [];
        // There is one for each number of targets; services share them, and the next full load leaves out what is not used.
        if (kind === "chain" && /^(to|remember)-/.test(name ?? "")) return [];
        const place = `${kind} ${family} ${table} ${name}`;
        return [place, ...elem.map((one) => `${place} has ${JSON.stringify(one)}`)];
      }),
    );
  }

  #openSockets(): readonly string[] {
    const files = globSync(join(this.#marks.containerd, "state/io.containerd.runtime.v2.task/k8s.io/*/address"));
    for (const file of files) {
      const address = textOf(file).replace(/^unix:\/\//, "");
      if (address) this.#sockets.add(address);
    }
    return [...this.#sockets].filter((path) => existsSync(path));
  }

  /** What runs in the node's control groups or was started with a path of its containerd. */
  #processes(): readonly string[] {
    const { cgroup, containerd } = this.#marks;
    return readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry))
      .flatMap((pid) => {
        const words = textOf(join("/proc", pid, "cmdline"))
          .split("\0")
          .join(" ")
          .trim();
        const ours = words.includes(`${containerd}/`) || textOf(join("/proc", pid, "cgroup")).includes(`:/${cgroup}/`);
        return ours && words !== "" ? [words] : [];
      });
  }
}

const cniResults = "/var/lib/cni/results";

interface NftObject {
  readonly family?: string;
  readonly table?: string;
  readonly name?: string;
  readonly elem?: readonly unknown[];
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // It ended while it was looked at.
    return "";
  }
}
