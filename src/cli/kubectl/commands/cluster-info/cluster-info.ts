import { defineCommand } from "../../command.ts";
import { type AnyObject, itemsOf } from "../../resources/resource-info.ts";

interface ServicePort {
  readonly name?: string;
  readonly port: number;
}

/** `kubectl cluster-info` */
export const clusterInfo = defineCommand({
  name: "cluster-info",
  short: "Display cluster information",
  usage: "[flags]",
  long: 'Shows where the control plane is, and the services of kube-system that say kubernetes.io/cluster-service=true. "kubectl cluster-info dump" tells more.',
  examples: "# Where the control plane is\nkubectl cluster-info",
  subcommands: [
    {
      name: "dump",
      short: "Dump relevant information for debugging and diagnosis",
      load: async () => (await import("./dump.ts")).dump,
    },
  ],
  async run({ session }) {
    const { server } = session.connection;
    const color = session.host.stdout.isTerminal && !session.host.env.NO_COLOR;
    const line = (name: string, url: string) =>
      session.say(
        color ? `\x1b[0;32m${name}\x1b[0m is running at \x1b[0;33m${url}\x1b[0m` : `${name} is running at ${url}`,
      );
    try {
      const services = await session.api.call<AnyObject>({
        path: "/api/v1/namespaces/kube-system/services",
        query: { labelSelector: "kubernetes.io/cluster-service=true", limit: 500 },
      });
      line("Kubernetes control plane", server);
      for (const service of itemsOf(services)) line(nameOf(service), urlOf(service, server));
    } finally {
      session.say("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.");
    }
  },
});

function nameOf({ metadata }: AnyObject): string {
  return metadata.labels?.["kubernetes.io/name"] || (metadata.name ?? "");
}

/** Its outward address if it has one, else the way through the API server. */
function urlOf({ metadata, spec, status }: AnyObject, server: string): string {
  const { ports = [] } = (spec ?? {}) as { readonly ports?: readonly ServicePort[] };
  const { loadBalancer = {} } = (status ?? {}) as {
    readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[] };
  };
  const [ingress] = loadBalancer.ingress ?? [];
  if (ingress) {
    const host = ingress.ip || ingress.hostname || "";
    return ports
      .map(({ port }) => `http://${host}:${port} `)
      .join("")
      .trimEnd();
  }
  const [port] = ports;
  const scheme = port && (port.name === "https" || port.port === 443) ? "https:" : "";
  const target = port?.name
    ? `${scheme}${metadata.name}:${port.name}`
    : `${scheme}${metadata.name}${scheme ? ":" : ""}`;
  return `${server}/api/v1/namespaces/${metadata.namespace}/services/${target}/proxy`;
}
