import { defineCommand } from "../command.ts";
import { text } from "../flags/flag.ts";
import { dryRunFlag, fieldManagerFlag, fileFlags, printFlags, recordFlag, saveConfigFlag } from "../flags/shared.ts";
import { CommandError } from "../messages.ts";
import { labelPairs } from "../resources/label-pairs.ts";
import { podSpecOf } from "../resources/pod-template.ts";
import { type AnyObject, pathOf } from "../resources/resource-info.ts";
import { forEachObject, selectObjects } from "../resources/selection.ts";
import { dryRunOf, resultPrinter, withLastApplied, writeQuery } from "../resources/writes.ts";

/** `kubectl expose` */
export const expose = defineCommand({
  name: "expose",
  short: "Take a replication controller, service, deployment or pod and expose it as a new Kubernetes service",
  long: "Make a service for the pods of a pod, service, deployment, replica set or replication controller.",
  examples: `# Port 80 of the service leads to port 8000 of the pods
kubectl expose deployment web --port=80 --target-port=8000`,
  usage:
    "(-f FILENAME | TYPE NAME) [--port=port] [--protocol=TCP|UDP|SCTP] [--target-port=number-or-name] [--name=name] [--external-ip=external-ip-of-service] [--type=type]",
  flags: {
    ...printFlags,
    ...fileFlags,
    ...dryRunFlag,
    ...recordFlag,
    ...saveConfigFlag,
    ...fieldManagerFlag("kubectl-expose"),
    "cluster-ip": text("The service's address; None for a headless one."),
    "external-ip": text("A further address that leads to the service."),
    labels: text("Labels of the service, as a=b,c=d.", { short: "l" }),
    "load-balancer-ip": text("The address that a load balancer should have."),
    name: text("The service's name; default: the object's."),
    "override-type": text("How --overrides is applied: json, merge or strategic.", { default: "merge" }),
    overrides: text("JSON that is merged into the service."),
    port: text("The service's port; default: the pods' ports."),
    protocol: text("TCP, UDP or SCTP; default: the pods' or TCP."),
    selector: text("Which pods, in the place of the object's own."),
    "session-affinity": text("None or ClientIP."),
    "target-port": text("The pods' port, by number or name."),
    type: text("ClusterIP, NodePort, LoadBalancer or ExternalName."),
  },
  async run({ session, args, flags }) {
    const dryRun = dryRunOf(session, flags);
    const printer = await resultPrinter(session, flags, dryRun);
    const selected = await selectObjects(session, {
      args,
      filenames: flags.filename,
      recursive: flags.recursive,
      latest: true,
    });
    await forEachObject(selected, async ({ object, name, namespace }) => {
      if (!exposable.includes(object.kind)) throw new CommandError(`cannot expose a ${object.kind}`);
      const ports = portsOf(object, flags);
      const serviceName = (flags.name || name).slice(0, 63);
      const labels = flags.labels ? labelPairs(flags.labels) : (object.metadata.labels ?? undefined);
      const made = {
        apiVersion: "v1",
        kind: "Service",
        metadata: {
          name: serviceName,
          ...(labels ? { labels } : {}),
          ...(session.access.namespaceGiven ? { namespace } : {}),
        },
        spec: {
          ...(ports.length > 0 ? { ports } : {}),
          selector: flags.selector ? labelPairs(flags.selector) : selectorOf(object),
          ...(flags.type ? { type: flags.type } : {}),
          ...(flags["cluster-ip"] ? { clusterIP: flags["cluster-ip"] } : {}),
          ...(flags["external-ip"] ? { externalIPs: [flags["external-ip"]] } : {}),
          ...(flags["load-balancer-ip"] ? { loadBalancerIP: flags["load-balancer-ip"] } : {}),
          ...(flags["session-affinity"] ? { sessionAffinity: flags["session-affinity"] } : {}),
        },
        status: { loadBalancer: {} },
      } as AnyObject;
      const whole = flags.overrides
        ? (await import("../resources/overrides.ts")).withOverrides(made, flags.overrides, flags["override-type"])
        : made;
      const service = flags["save-config"] ? await withLastApplied(whole) : whole;
      if (dryRun === "client") {
        printer.print(service, "exposed");
        return;
      }
      const services = { group: "", version: "v1", kind: "Service", plural: "services", namespaced: true };
      const answer = await session.api.call<AnyObject>({
        method: "POST",
        path: pathOf(services, { namespace }),
        query: writeQuery({ dryRun, fieldManager: flags["field-manager"] }),
        body: { ...service, metadata: { ...service.metadata, namespace } },
      });
      printer.print(answer, "exposed");
    });
  },
});

const exposable = ["Pod", "Service", "Deployment", "ReplicaSet", "ReplicationController"];

interface Port {
  readonly name?: string;
  readonly port: number;
  readonly protocol: string;
  readonly targetPort: number | string;
}

const numberOrName = (written: string) => (/^\d+$/.test(written) ? Number(written) : written);

function portsOf(
  object: AnyObject,
  flags: {
    readonly port: string;
    readonly protocol: string;
    readonly "target-port": string;
    readonly "cluster-ip": string;
  },
): readonly Port[] {
  const known = knownPorts(object);
  const asked = flags.port ? flags.port.split(",").map(Number) : known.map(({ port }) => port);
  if (asked.length === 0 && flags["cluster-ip"] !== "None") {
    throw new CommandError("couldn't find port via --port flag or introspection");
  }
  return asked.map((port, at) => ({
    ...(asked.length > 1 ? { name: `port-${at + 1}` } : {}),
    port,
    protocol: flags.protocol || known.find((one) => one.port === port)?.protocol || "TCP",
    targetPort: flags["target-port"] ? numberOrName(flags["target-port"]) : port,
  }));
}

function knownPorts(object: AnyObject): readonly { readonly port: number; readonly protocol: string }[] {
  if (object.kind === "Service") {
    const { ports = [] } = object.spec as {
      readonly ports?: readonly { readonly port: number; readonly protocol?: string }[];
    };
    return ports.map(({ port, protocol = "TCP" }) => ({ port, protocol }));
  }
  return (podSpecOf(object)?.containers ?? []).flatMap(({ ports = [] }) =>
    ports.map(({ containerPort, protocol = "TCP" }) => ({ port: containerPort, protocol })),
  );
}

function selectorOf(object: AnyObject): Readonly<Record<string, string>> {
  const none = () =>
    new CommandError(
      `couldn't retrieve selectors via --selector flag or introspection: the ${object.kind.toLowerCase()} has no labels and cannot be exposed`,
    );
  if (object.kind === "Pod") {
    if (!object.metadata.labels || Object.keys(object.metadata.labels).length === 0) throw none();
    return object.metadata.labels;
  }
  const { selector } = object.spec as { readonly selector?: unknown };
  if (!selector) throw none();
  if (object.kind === "Service" || object.kind === "ReplicationController")
    return selector as Readonly<Record<string, string>>;
  const { matchLabels = {}, matchExpressions = [] } = selector as {
    readonly matchLabels?: Readonly<Record<string, string>>;
    readonly matchExpressions?: readonly unknown[];
  };
  if (matchExpressions.length > 0) {
    throw new CommandError(
      "couldn't retrieve selectors via --selector flag or introspection: couldn't convert expressions to labels",
    );
  }
  return matchLabels;
}
