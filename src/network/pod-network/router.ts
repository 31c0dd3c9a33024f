import { addressAt, cidrContains, formatCidr, parseCidr } from "../machine/address.ts";
import { mustRun, type RunCommand } from "../machine/command.ts";
import { addressLine, deleteDevice } from "./devices.ts";
import {
  type Backend,
  emptyRoutes,
  type NodeInput,
  planRoutes,
  type RouteTable,
  routeProtocol,
  routeScripts,
  tunnelMac,
} from "./routes.ts";

export interface RouterOptions {
  readonly run: RunCommand;
  readonly nodeName: string;
  readonly podCIDRs: readonly string[];
  /** The ranges of all nodes' pods; routes of ours to elsewhere in them are leftovers. */
  readonly clusterCIDRs: readonly string[];
  readonly backend:
    | { readonly kind: "host-gw" }
    | {
        readonly kind: "vxlan";
        readonly device: string;
        readonly id: number;
        readonly port?: number;
        readonly local: string;
        readonly mtu: number;
      };
}

/** Linux' own VXLAN port, as Flannel uses it. */
const defaultPort = 8472;

/** Keeps the way to the pods of other nodes in the kernel. */
export interface Router extends AsyncDisposable {
  /** Brings the routes in line with these nodes. Calls must not overlap. */
  update(nodes: readonly NodeInput[]): Promise<void>;
}

/** Sets up the tunnel's end, if there is one; removes routes and tunnel when disposed. */
export async function openRouter(options: RouterOptions): Promise<Router> {
  const { run, backend } = options;
  if (backend.kind === "vxlan") await ensureTunnel(options, backend);
  const plan: Backend = backend.kind === "vxlan" ? { kind: "vxlan", device: backend.device } : { kind: "host-gw" };
  // What an earlier process left counts as applied: still wanted, it stays; no longer wanted, it goes.
  let applied: RouteTable = await leftovers(options);
  const move = async (wanted: RouteTable, force: boolean) => {
    const scripts = routeScripts(applied, wanted);
    applied = wanted;
    // A forced batch goes on past a line that fails, e.g. a route that went away with its interface.
    const flags = force ? ["-force"] : [];
    if (scripts.bridge.length > 0)
      await mustRunOrForced(run, ["bridge", ...flags, "-batch", "-"], scripts.bridge, force);
    if (scripts.ip.length > 0) await mustRunOrForced(run, ["ip", ...flags, "-batch", "-"], scripts.ip, force);
  };
  return {
    update: async (nodes) => {
      const wanted = planRoutes(nodes, options.nodeName, plan);
      const before = applied;
      try {
        await move(wanted, false);
      } catch {
        // Something else changed the kernel's tables: take away what can be taken away, and put every entry again.
        applied = before;
        await move(wanted, true);
        applied = emptyRoutes;
        await move(wanted, false);
      }
    },
    [Symbol.asyncDispose]: async () => {
      await move(emptyRoutes, true);
      if (backend.kind === "vxlan") await deleteDevice(run, backend.device);
    },
  };
}

async function mustRunOrForced(
  run: RunCommand,
  argv: readonly string[],
  lines: readonly string[],
  force: boolean,
): Promise<void> {
  const input = `${lines.join("\n")}\n`;
  if (force) await run(argv, input);
  else await mustRun(run, argv, input);
}

/** Routes of ours that are there already, in a form that equals no plan's, so that wanted ones are put again. */
async function leftovers({ run, clusterCIDRs, backend }: RouterOptions): Promise<RouteTable> {
  const routes = new Map<string, string>();
  for (const version of ["-4", "-6"]) {
    const listed = await run(["ip", version, "-j", "route", "show", "proto", String(routeProtocol)]);
    if (listed.code !== 0) continue;
    const entries = JSON.parse(listed.stdout || "[]") as readonly { readonly dst?: string; readonly dev?: string }[];
    for (const { dst, dev } of entries) {
      const cidr = dst && parseCidr(dst);
      if (!cidr || (backend.kind === "vxlan" && dev !== backend.device)) continue;
      const ours = clusterCIDRs.some((range) => {
        const outer = parseCidr(range);
        return outer && cidrContains(outer, cidr);
      });
      if (ours) routes.set(formatCidr(cidr), "");
    }
  }
  return { ...emptyRoutes, routes };
}

async function ensureTunnel(
  { run, podCIDRs }: RouterOptions,
  tunnel: Extract<RouterOptions["backend"], { kind: "vxlan" }>,
): Promise<void> {
  // The parameters of a VXLAN interface cannot be changed; one left by a former run is kept only if they are the same.
  if (await isTunnel(run, tunnel)) return;
  await deleteDevice(run, tunnel.device);
  await mustRun(run, [
    ...[
      "ip",
      "link",
      "add",
      tunnel.device,
      "address",
      tunnelMac(podCIDRs[0] ?? ""),
      "mtu",
      String(tunnel.mtu),
      "type",
      "vxlan",
    ],
    ...["id", String(tunnel.id), "local", tunnel.local, "dstport", String(tunnel.port ?? defaultPort), "nolearning"],
  ]);
  const addresses = podCIDRs
    .map(parseCidr)
    .flatMap((cidr) => (cidr ? [`${addressAt(cidr, 0)}/${cidr.family === "IPv4" ? 32 : 128}`] : []));
  const script = [
    ...addresses.map((address) => addressLine(address, tunnel.device)),
    `link set dev ${tunnel.device} up`,
  ];
  await mustRun(run, ["ip", "-batch", "-"], `${script.join("\n")}\n`);
}

async function isTunnel(
  run: RunCommand,
  tunnel: Extract<RouterOptions["backend"], { kind: "vxlan" }>,
): Promise<boolean> {
  const shown = await run(["ip", "-d", "-j", "link", "show", "dev", tunnel.device]);
  if (shown.code !== 0) return false;
  const [link] = JSON.parse(shown.stdout || "[]") as readonly {
    readonly mtu?: number;
    readonly linkinfo?: {
      readonly info_data?: { readonly id?: number; readonly local?: string; readonly port?: number };
    };
  }[];
  const data = link?.linkinfo?.info_data;
  return (
    link?.mtu === tunnel.mtu &&
    data?.id === tunnel.id &&
    data.local === tunnel.local &&
    data.port === (tunnel.port ?? defaultPort)
  );
}
