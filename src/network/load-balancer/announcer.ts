import { errorMessage } from "../../lib/fault.ts";
import type { Log } from "../../lib/log.ts";
import { cidrContains, familyOf, formatCidr, parseCidr } from "../machine/address.ts";
import { mustRun, type RunCommand } from "../machine/command.ts";
import { takeOverFrames } from "./take-over-frames.ts";

export interface AnnouncerOptions {
  readonly run: RunCommand;
  /** The interface that addresses are routed to until the service proxy has translated them. */
  readonly serviceDevice: string;
  /** Interfaces of the pod network: no neighbours of the node's are found there. */
  readonly ownDevices: readonly string[];
  readonly log: Log;
}

/** Answers for addresses on the node's network, by ARP and NDP. */
export interface Announcer extends AsyncDisposable {
  /** Answers for these addresses and for no others, and tells the neighbours which ones are new here. Calls must not overlap. */
  announce(addresses: ReadonlySet<string>): Promise<void>;
}

/** Marks our routes for people who read `ip route`; those of pods have the number before it. */
const routeProtocol = 119;

/**
 * An address is announced by a proxy entry among the neighbours: the kernel then answers for it without having it, so that
 * no program of the node is reached there by accident. That needs a route to elsewhere, which the service device is. What an earlier
 * process announced and nobody wants any more is taken back first.
 */
export async function openAnnouncer(options: AnnouncerOptions): Promise<Announcer> {
  const { run, serviceDevice } = options;
  /** Address -> the interface on its network, if any. */
  let announced = await leftovers(options);
  const former = new Map<string, string>();
  const announce = async (addresses: ReadonlySet<string>) => {
    const networks = addresses.size > 0 ? await networksOf(options) : [];
    const wanted = new Map([...addresses].map((address) => [address, networkOf(networks, address)?.device]));
    const lines: string[] = [];
    for (const [address, device] of announced) {
      if (wanted.get(address) === device && wanted.has(address)) continue;
      if (device) await run(["ip", "neigh", "del", "proxy", address, "dev", device]);
      if (!wanted.has(address)) await run(["ip", "route", "del", hostRange(address), "dev", serviceDevice]);
    }
    for (const [address, device] of wanted) {
      lines.push(`route replace ${hostRange(address)} dev ${serviceDevice} proto ${routeProtocol}`);
      if (device) lines.push(`neigh replace proxy ${address} dev ${device}`);
    }
    for (const device of new Set([...wanted.values()].filter((name) => name !== undefined))) {
      await answerAtOnce(run, device, former);
    }
    if (lines.length > 0) await mustRun(run, ["ip", "-batch", "-"], `${lines.join("\n")}\n`);
    const fresh = [...wanted.keys()].filter((address) => !announced.has(address));
    announced = wanted;
    await tellNeighbours(options, fresh, networks);
  };
  return {
    announce,
    [Symbol.asyncDispose]: async () => {
      await announce(new Set());
      for (const [file, value] of former) await writeSetting(run, file, value);
    },
  };
}

interface Network {
  readonly device: string;
  /** The interface's number and MAC address. */
  readonly index: number;
  readonly mac: string;
  /** An address with the length of its network. */
  readonly range: string;
}

/**
 * Sends frames that it reads as an interface's number and hexadecimal digits. Node.js has no sockets for whole frames; perl is on
 * every Debian.
 */
const sender = `
  socket(my $socket, 17, 3, 0) or die "no socket for frames: $!\n";
  while (<STDIN>) {
    my ($index, $frame) = split;
    send($socket, pack("H*", $frame), 0, pack("S n i S C C a8", 17, 0, $index, 0, 0, 6, "")) or die "frame not sent: $!\n";
  }`;

/** Whoever knew an address at another node learns at once that it is here now, instead of waiting for the entry to age. */
async function tellNeighbours(
  { run, log }: AnnouncerOptions,
  addresses: readonly string[],
  networks: readonly Network[],
): Promise<void> {
  const lines = addresses.flatMap((address) => {
    const network = networkOf(networks, address);
    // A tunnel's interface has no MAC address, and no neighbours that would want to know one.
    if (!network || !/^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(network.mac)) return [];
    const taken = { address, mac: network.mac, own: network.range.split("/")[0]! };
    return takeOverFrames(taken).map((frame) => `${network.index} ${frame.toString("hex")}`);
  });
  if (lines.length === 0) return;
  try {
    await mustRun(run, ["perl", "-e", sender], `${lines.join("\n")}\n`);
  } catch (error) {
    log.warn("neighbours were not told of load balancers' addresses: they find them when their entries age", {
      error: errorMessage(error),
    });
  }
}

/** The networks that the node has neighbours on. */
async function networksOf({ run, serviceDevice, ownDevices }: AnnouncerOptions): Promise<readonly Network[]> {
  const listed = JSON.parse((await mustRun(run, ["ip", "-j", "addr"])) || "[]") as readonly {
    readonly ifname?: string;
    readonly ifindex?: number;
    readonly address?: string;
    readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number; readonly scope?: string }[];
  }[];
  return listed.flatMap(({ ifname = "", ifindex: index = 0, address: mac = "", addr_info = [] }) =>
    [serviceDevice, ...ownDevices].includes(ifname)
      ? []
      : addr_info
          .filter(({ scope }) => scope === "global")
          .map(({ local = "", prefixlen = 0 }) => ({ device: ifname, index, mac, range: `${local}/${prefixlen}` })),
  );
}

function networkOf(networks: readonly Network[], address: string): Network | undefined {
  const wanted = parseCidr(address);
  return networks.find(({ range }) => {
    const network = parseCidr(range);
    return wanted && network && cidrContains(network, wanted);
  });
}

/** Without these settings ARP's proxies wait up to a second, and NDP's do not answer. `former` gets what was there before. */
async function answerAtOnce(run: RunCommand, device: string, former: Map<string, string>): Promise<void> {
  const wanted = [
    [`ipv4/neigh/${device}/proxy_delay`, "0"],
    [`ipv6/neigh/${device}/proxy_delay`, "0"],
    [`ipv6/conf/${device}/proxy_ndp`, "1"],
  ] as const;
  for (const [file, value] of wanted) {
    if (former.has(file)) continue;
    const { code, stdout } = await run(["cat", `/proc/sys/net/${file}`]);
    if (code !== 0) continue;
    former.set(file, stdout.trim());
    await writeSetting(run, file, value);
  }
}

async function writeSetting(run: RunCommand, file: string, value: string): Promise<void> {
  await run(["sh", "-c", 'printf %s "$0" > "$1"', value, `/proc/sys/net/${file}`]);
}

async function leftovers(options: AnnouncerOptions): Promise<Map<string, string | undefined>> {
  const { run, serviceDevice } = options;
  const found = new Map<string, string | undefined>();
  for (const family of ["-4", "-6"]) {
    const listed = await run([
      "ip",
      family,
      "-j",
      "route",
      "show",
      "proto",
      String(routeProtocol),
      "dev",
      serviceDevice,
    ]);
    if (listed.code !== 0) continue;
    const routes = JSON.parse(listed.stdout || "[]") as readonly { readonly dst?: string }[];
    for (const { dst } of routes) {
      const range = dst && parseCidr(dst);
      if (range) found.set(formatCidr(range).split("/")[0]!, undefined);
    }
  }
  if (found.size === 0) return found;
  const networks = await networksOf(options);
  return new Map([...found.keys()].map((address) => [address, networkOf(networks, address)?.device]));
}

function hostRange(address: string): string {
  return `${address}/${familyOf(address) === "IPv6" ? 128 : 32}`;
}
