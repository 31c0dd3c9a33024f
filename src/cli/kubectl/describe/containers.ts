import type {
  Container,
  ContainerPort,
  ContainerState,
  ContainerStatus,
  Pod,
  Probe,
  ResourceRequirements,
  SeccompProfile,
} from "../../../api/generated/core-v1.ts";
import { goQuote } from "../../../lib/go-text.ts";
import { environment, environmentSources } from "./environment.ts";
import { amount, indent, row, rowIf, sortedKeys, type Text, timeText, truth } from "./text.ts";

/** A list of containers; those of a template stand one blank further in and have no status and no pod. */
export function containersText(
  label: string,
  containers: readonly Container[],
  running?: { readonly statuses?: readonly ContainerStatus[]; readonly pod: Pod },
): Text {
  const [outer, margin] = running ? ["", ""] : ["  ", " "];
  if (containers.length === 0) return `${outer}${label}: <none>`;
  return [
    `${outer}${label}:`,
    containers.map((container) => {
      const status = running?.statuses?.find(({ name }) => name === container.name);
      return [`  ${margin}${container.name}:`, indent(2, containerText(container, status, running?.pod))];
    }),
  ];
}

function containerText(container: Container, status: ContainerStatus | undefined, pod: Pod | undefined): Text {
  const { ports = [], securityContext, command = [], args = [] } = container;
  return [
    status && row("Container ID", status.containerID),
    row("Image", container.image),
    status && row("Image ID", status.imageID),
    portsRow("Port", ports, ({ containerPort }) => containerPort),
    portsRow("Host Port", ports, ({ hostPort = 0 }) => hostPort),
    seccompText(securityContext?.seccompProfile, 1),
    wordsText("Command", command),
    wordsText("Args", args),
    status && [
      stateText("State", status.state),
      status.lastState?.terminated && stateText("Last State", status.lastState),
      row("Ready", truth(status.ready ?? false)),
      row("Restart Count", status.restartCount ?? 0),
    ],
    resourcesText(container.resources),
    rowIf("Liveness", container.livenessProbe && probeText(container.livenessProbe)),
    rowIf("Readiness", container.readinessProbe && probeText(container.readinessProbe)),
    rowIf("Startup", container.startupProbe && probeText(container.startupProbe)),
    environmentSources(container),
    environment(container, pod),
    mountsText(container),
  ];
}

function portsRow(label: string, ports: readonly ContainerPort[], number: (port: ContainerPort) => number): string {
  const text = ports
    .map((port) => `${number(port)}/${port.protocol ?? "TCP"}${port.name ? ` (${port.name})` : ""}`)
    .join(", ");
  return row(ports.length > 1 ? `${label}s` : label, text || "<none>");
}

/** The profile that system calls are held to. */
export function seccompText(profile: SeccompProfile | undefined, levels: number): Text {
  if (!profile) return undefined;
  return [
    row("SeccompProfile", profile.type),
    profile.type === "Localhost" && indent(levels, row("LocalhostProfile", profile.localhostProfile)),
  ];
}

function wordsText(label: string, words: readonly string[]): Text {
  return (
    words.length > 0 && [
      `${label}:`,
      indent(
        1,
        words.flatMap((word) => word.split("\n")),
      ),
    ]
  );
}

function stateText(label: string, state: ContainerState | undefined): Text {
  const { running, waiting, terminated } = state ?? {};
  if (running) return [row(label, "Running"), indent(1, row("Started", timeText(running.startedAt)))];
  if (waiting || !terminated) return [row(label, "Waiting"), indent(1, rowIf("Reason", waiting?.reason))];
  const { reason, message, exitCode = 0, signal = 0, startedAt, finishedAt } = terminated;
  return [
    row(label, "Terminated"),
    indent(1, [
      rowIf("Reason", reason),
      rowIf("Message", message),
      row("Exit Code", exitCode),
      signal > 0 && row("Signal", signal),
      row("Started", timeText(startedAt)),
      row("Finished", timeText(finishedAt)),
    ]),
  ];
}

/** What is asked for, and how much at most. */
export function resourcesText(resources: ResourceRequirements | undefined): Text {
  const list = (label: string, amounts: Readonly<Record<string, string>> | undefined) => {
    const names = sortedKeys(amounts);
    return (
      names.length > 0 && [
        `${label}:`,
        indent(
          1,
          names.map((name) => row(name, amount(amounts?.[name]))),
        ),
      ]
    );
  };
  return [list("Limits", resources?.limits), list("Requests", resources?.requests)];
}

/** `http-get http://:80/ delay=0s timeout=1s period=10s #success=1 #failure=3` */
export function probeText(probe: Probe): string {
  const { initialDelaySeconds = 0, timeoutSeconds = 0, periodSeconds = 0 } = probe;
  const times = `delay=${initialDelaySeconds}s timeout=${timeoutSeconds}s period=${periodSeconds}s`;
  const counts = `#success=${probe.successThreshold ?? 0} #failure=${probe.failureThreshold ?? 0}`;
  return `${handlerText(probe)} ${times} ${counts}`;
}

function handlerText({ exec, httpGet, tcpSocket, grpc }: Probe): string {
  if (exec) return `exec [${(exec.command ?? []).join(" ")}]`;
  if (httpGet) {
    const { scheme = "", host = "", port, path = "" } = httpGet;
    const name = host.includes(":") ? `[${host}]` : host;
    const start = path !== "" && !path.startsWith("/") ? "/" : "";
    return `http-get ${scheme.toLowerCase()}://${name}:${port}${start}${pathText(path)}`;
  }
  if (tcpSocket) return `tcp-socket ${tcpSocket.host ?? ""}:${tcpSocket.port}`;
  if (grpc) return `grpc <pod>:${grpc.port} ${grpc.service ?? ""}`;
  return "unknown";
}

/** A path as Go writes it into an address: what has no place there is escaped, a question mark too. */
function pathText(path: string): string {
  return encodeURI(path).replaceAll("?", "%3F").replaceAll("#", "%23");
}

function mountsText({ volumeMounts = [], volumeDevices = [] }: Container): Text {
  const mounts = volumeMounts
    .toSorted((a, b) => (a.mountPath < b.mountPath ? -1 : a.mountPath > b.mountPath ? 1 : 0))
    .map(({ mountPath, name, readOnly, subPath }) => {
      const path = subPath ? `,path=${goQuote(subPath)}` : "";
      return `${mountPath} from ${name} (${readOnly ? "ro" : "rw"}${path})`;
    });
  const devices = volumeDevices
    .toSorted((a, b) => (a.devicePath < b.devicePath ? -1 : a.devicePath > b.devicePath ? 1 : 0))
    .map(({ devicePath, name }) => `${devicePath} from ${name}`);
  const none = mounts.length === 0 ? "\t<none>" : "";
  return [
    `Mounts:${none}`,
    indent(1, mounts),
    // As upstream: the word behind the devices is that of the mounts.
    devices.length > 0 && [`Devices:${none}`, indent(1, devices)],
  ];
}
