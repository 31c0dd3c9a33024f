import { type Command, defineCommand } from "../../command.ts";
import { int, list, text } from "../../flags/flag.ts";
import { CommandError } from "../../messages.ts";
import { generatorCommand, kindRef } from "./generator.ts";

const kind = kindRef("v1", "Service", "services");
const tcpFlag = { tcp: list("A port, or port:targetPort.") } as const;

/** `80`, `80:8080`, `80:http` */
function portOf(text: string, nodePort: number): object {
  const [port = "", target = port] = text.split(":");
  const number = Number(port);
  if (!/^\d+$/.test(port) || number > 65_535) {
    throw new CommandError(
      `strconv.ParseUint: parsing "${port}": ${/^\d+$/.test(port) ? "value out of range" : "invalid syntax"}`,
    );
  }
  return {
    name: text.replaceAll(":", "-"),
    ...(nodePort > 0 ? { nodePort } : {}),
    port: number,
    protocol: "TCP",
    targetPort: /^\d+$/.test(target) ? Number(target) : target,
  };
}

function serviceObject(
  name: string,
  type: string,
  ports: readonly object[],
  more: object = {},
): Readonly<Record<string, unknown>> {
  return {
    metadata: { name, labels: { app: name } },
    spec: { ...(ports.length > 0 ? { ports } : {}), selector: { app: name }, type, ...more },
    status: { loadBalancer: {} },
  };
}

const needsPort = (tcp: readonly string[]) => {
  if (tcp.length === 0) throw new CommandError("at least one tcp port specifier must be provided");
};

const clusterip = generatorCommand({
  name: "clusterip",
  short: "Create a ClusterIP service",
  usage: "NAME [--tcp=<port>:<targetPort>] [--dry-run=server|client|none]",
  flags: { ...tcpFlag, clusterip: text("The address of the service; None for a headless one.") },
  kind,
  failure: "failed to create ClusterIP service: ",
  async make({ flags, name }) {
    if (flags.clusterip === "None" && flags.tcp.length === 0)
      return serviceObject(name, "ClusterIP", [], { clusterIP: "None" });
    needsPort(flags.tcp);
    const ports = flags.tcp.map((port) => portOf(port, 0));
    return serviceObject(name, "ClusterIP", ports, flags.clusterip ? { clusterIP: flags.clusterip } : {});
  },
});

const nodeport = generatorCommand({
  name: "nodeport",
  short: "Create a NodePort service",
  usage: "NAME [--tcp=port:targetPort] [--dry-run=server|client|none]",
  flags: { ...tcpFlag, "node-port": int("The port on every node; 0 lets the server choose.") },
  kind,
  failure: "failed to create NodePort service: ",
  async make({ flags, name }) {
    needsPort(flags.tcp);
    return serviceObject(
      name,
      "NodePort",
      flags.tcp.map((port) => portOf(port, flags["node-port"])),
    );
  },
});

const loadbalancer = generatorCommand({
  name: "loadbalancer",
  short: "Create a LoadBalancer service",
  usage: "NAME [--tcp=port:targetPort] [--dry-run=server|client|none]",
  flags: tcpFlag,
  kind,
  failure: "failed to create LoadBalancer service: ",
  async make({ flags, name }) {
    needsPort(flags.tcp);
    return serviceObject(
      name,
      "LoadBalancer",
      flags.tcp.map((port) => portOf(port, 0)),
    );
  },
});

const externalname = generatorCommand({
  name: "externalname",
  short: "Create an ExternalName service",
  usage: "NAME --external-name external.name [--dry-run=server|client|none]",
  flags: { ...tcpFlag, "external-name": text("The name that the service stands for.") },
  required: ["external-name"],
  kind,
  failure: "failed to create ExternalName service: ",
  async make({ flags, name }) {
    return serviceObject(
      name,
      "ExternalName",
      flags.tcp.map((port) => portOf(port, 0)),
      {
        externalName: flags["external-name"],
      },
    );
  },
});

const asEntry = (command: Command) => ({ ...command, load: async () => command });

/** `kubectl create service` */
export const service = defineCommand({
  name: "service",
  aliases: ["svc"],
  short: "Create a service using a specified subcommand",
  usage: "[flags]",
  subcommands: [clusterip, externalname, loadbalancer, nodeport].map(asEntry),
});
