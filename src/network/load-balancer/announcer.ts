import { cidrContains, familyOf, formatCidr, parseCidr } from "../machine/address.ts";
import { mustRun, type RunCommand } from "../machine/command.ts";

export interface AnnouncerOptions {
  readonly run: RunCommand;
  /** The interface that addresses are routed to until the service proxy has translated them. */
  readonly serviceDevice: string;
  /** Interfaces of the pod network: no neighbours of the node's are found there. */
  readonly ownDevices: readonly string[];
}

/** Answers for addresses on the node's network, by ARP and NDP. */
export interface Announcer extends AsyncDisposable {
  /** Answers for these addresses and for no others. Calls must not overlap. */
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
    const wanted = new Map([...addresses].map((address) => [address, deviceOn(networks, address)]));
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
    announced = wanted;
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
  readonly range: string;
}

/** The networks that the node has neighbours on. */
async function networksOf({ run, serviceDevice, ownDevices }: AnnouncerOptions): Promise<readonly Network[]> {
  const listed = JSON.parse((await mustRun(run, ["ip", "-j", "addr"])) || "[]") as readonly {
    readonly ifname?: string;
    readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number; readonly scope?: string }[];
  }[];
  return listed.flatMap(({ ifname = "", addr_info = [] }) =>
    [serviceDevice, ...ownDevices].includes(ifname)
      ? []
      : addr_info
          .filter(({ scope }) => scope === "global")
          .map(({ local = "", prefixlen = 0 }) => ({ device: ifname, range: `${local}/${prefixlen}` })),
  );
}

function deviceOn(networks: readonly Network[], address: string): string | undefined {
  const wanted = parseCidr(address);
  return networks.find(({ range }) => {
    const network = parseCidr(range);
    return wanted && network && cidrContains(network, wanted);
  })?.device;
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
  return new Map([...found.keys()].map((address) => [address, deviceOn(networks, address)]));
}

function hostRange(address: string): string {
  return `${address}/${familyOf(address) === "IPv6" ? 128 : 32}`;
}
