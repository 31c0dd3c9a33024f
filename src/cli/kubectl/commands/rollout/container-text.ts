import type { Container } from "../../resources/pod-template.ts";

interface Port {
  readonly containerPort: number;
  readonly hostPort?: number;
  readonly protocol?: string;
}

interface DescribedContainer extends Omit<Container, "ports"> {
  readonly ports?: readonly Port[];
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly subPath?: string;
    readonly readOnly?: boolean;
  }[];
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly startupProbe?: Probe;
}

interface Probe {
  readonly exec?: { readonly command?: readonly string[] };
  readonly httpGet?: {
    readonly host?: string;
    readonly path?: string;
    readonly port: number | string;
    readonly scheme?: string;
  };
  readonly tcpSocket?: { readonly host?: string; readonly port: number | string };
  readonly grpc?: { readonly port: number; readonly service?: string };
  readonly initialDelaySeconds?: number;
  readonly timeoutSeconds?: number;
  readonly periodSeconds?: number;
  readonly successThreshold?: number;
  readonly failureThreshold?: number;
}

/** What a template says of a container, for people. */
export function containerLines(container: DescribedContainer): readonly string[] {
  const {
    name,
    image = "",
    ports = [],
    command = [],
    args = [],
    resources = {},
    env = [],
    volumeMounts = [],
  } = container;
  const plural = ports.length > 1 ? "s" : "";
  const containerPorts = ports.map(({ containerPort, protocol = "TCP" }) => `${containerPort}/${protocol}`);
  const hostPorts = ports.map(({ hostPort = 0, protocol = "TCP" }) => `${hostPort}/${protocol}`);
  return [
    `   ${name}:`,
    `    Image:\t${image}`,
    `    Port${plural}:\t${containerPorts.join(", ") || "<none>"}`,
    `    Host Port${plural}:\t${hostPorts.join(", ") || "<none>"}`,
    ...wordLines("Command", command),
    ...wordLines("Args", args),
    ...amountLines("Limits", resources.limits),
    ...amountLines("Requests", resources.requests),
    ...probeLine("Liveness", container.livenessProbe),
    ...probeLine("Readiness", container.readinessProbe),
    ...probeLine("Startup", container.startupProbe),
    ...(env.length === 0 ? ["    Environment:\t<none>"] : ["    Environment:", ...env.map(envLine)]),
    ...(volumeMounts.length === 0
      ? ["    Mounts:\t<none>"]
      : [
          "    Mounts:",
          ...volumeMounts.map(
            ({ mountPath, name: from, readOnly, subPath }) =>
              `      ${mountPath} from ${from} (${readOnly ? "ro" : "rw"}${subPath ? `,path=${JSON.stringify(subPath)}` : ""})`,
          ),
        ]),
  ];
}

function wordLines(label: string, words: readonly string[]): readonly string[] {
  return words.length === 0
    ? []
    : [`    ${label}:`, ...words.flatMap((word) => word.split("\n").map((line) => `      ${line}`))];
}

function amountLines(label: string, amounts: Readonly<Record<string, string>> = {}): readonly string[] {
  const names = Object.keys(amounts).sort();
  return names.length === 0 ? [] : [`    ${label}:`, ...names.map((name) => `      ${name}:\t${amounts[name]}`)];
}

function envLine({ name, value, valueFrom }: NonNullable<Container["env"]>[number]): string {
  if (!valueFrom) return `      ${name}:\t${value ?? ""}`;
  const { configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef } = valueFrom;
  const ref = configMapKeyRef ?? secretKeyRef;
  if (ref) {
    const { optional = false } = ref as { readonly optional?: boolean };
    const kind = configMapKeyRef ? "of config map" : "in secret";
    return `      ${name}:\t<set to the key '${ref.key}' ${kind} '${ref.name}'>\tOptional: ${optional}`;
  }
  if (fieldRef) return `      ${name}:\t (v1:${fieldRef.fieldPath})`;
  return `      ${name}:\t (${resourceFieldRef?.resource ?? ""})`;
}

function probeLine(label: string, probe: Probe | undefined): readonly string[] {
  if (!probe) return [];
  const times = `delay=${probe.initialDelaySeconds ?? 0}s timeout=${probe.timeoutSeconds ?? 0}s period=${probe.periodSeconds ?? 0}s #success=${probe.successThreshold ?? 0} #failure=${probe.failureThreshold ?? 0}`;
  return [`    ${label}:\t${probeText(probe)} ${times}`];
}

function probeText({ exec, httpGet, tcpSocket, grpc }: Probe): string {
  if (exec) return `exec [${(exec.command ?? []).join(" ")}]`;
  if (httpGet) {
    const path = httpGet.path ?? "";
    return `http-get ${(httpGet.scheme ?? "HTTP").toLowerCase()}://${httpGet.host ?? ""}:${httpGet.port}${path.startsWith("/") || path === "" ? path : `/${path}`}`;
  }
  if (tcpSocket) return `tcp-socket ${tcpSocket.host ?? ""}:${tcpSocket.port}`;
  if (grpc) return `grpc <pod>:${grpc.port} ${grpc.service ?? ""}`;
  return "unknown";
}
