import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Container, EphemeralContainer, PodSpec } from "../../../../api/generated/core-v1.ts";
import { errorMessage } from "../../../../lib/fault.ts";
import { nameSuffix } from "../../../../lib/random.ts";
import { fileProblem } from "../../config/kubeconfig.ts";
import { CommandError } from "../../messages.ts";
import { findContainer, type Pod } from "../../resources/pods.ts";
import type { Session } from "../../session.ts";
import { type DebugPod, type DebugStyle, type Kept, type Profile, withContainer } from "./profiles.ts";

/** What the flags of `debug` ask for. */
export interface DebugRequest {
  readonly args: readonly string[];
  readonly argsOnly: boolean;
  readonly container: string;
  readonly copyTo: string;
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly image: string;
  readonly pullPolicy: string;
  readonly stdin: boolean;
  readonly tty: boolean;
  readonly quiet: boolean;
  readonly sameNode: boolean;
  /** Undefined unless it was given. */
  readonly shareProcesses: boolean | undefined;
  /** By container; `*` is every other. */
  readonly setImages: ReadonlyMap<string, string>;
  readonly target: string;
  readonly profile: Profile;
  readonly kept: Kept;
  readonly custom: Partial<Container> | undefined;
}

/** A pod as it should become, and the container in it to debug with; no name where only images were changed. */
export interface Planned {
  readonly pod: DebugPod;
  readonly container: string;
}

/** The pod with a debugging container put into it while it runs. */
export async function withDebugger(session: Session, pod: Pod, request: DebugRequest): Promise<Planned> {
  const container = containerName(session, pod, request);
  const added = {
    ...newContainer(request, container),
    ...(request.target ? { targetContainerName: request.target } : {}),
  } as EphemeralContainer;
  const ephemeralContainers = [...(pod.spec.ephemeralContainers ?? []), added];
  const planned = { metadata: {}, spec: { ...pod.spec, ephemeralContainers } };
  return { pod: await finished(planned, container, "ephemeral", request), container };
}

/** A copy of the pod with one more container, or with one changed. Throws CommandError. */
export async function copyOf(session: Session, pod: Pod, request: DebugRequest): Promise<Planned> {
  const { labels, annotations, namespace } = pod.metadata;
  const { ephemeralContainers: _, nodeName, ...rest } = pod.spec;
  const { setImages, shareProcesses } = request;
  const containers = rest.containers.map((one) => {
    const image = setImages.get(one.name) ?? setImages.get("*");
    return image ? { ...one, image } : one;
  });
  const copied: DebugPod = {
    metadata: {
      name: request.copyTo,
      namespace,
      ...(annotations ? { annotations } : {}),
      ...(labels ? { labels } : {}),
    },
    spec: {
      ...rest,
      containers,
      ...(shareProcesses === undefined ? {} : { shareProcessNamespace: shareProcesses }),
      ...(request.sameNode && nodeName ? { nodeName } : {}),
    },
  };
  const known = request.container !== "" && findContainer({ ...pod, spec: copied.spec }, request.container);
  if (!known && request.image === "") {
    if (setImages.size > 0) return { pod: copied, container: "" };
    throw new CommandError("you must specify image when creating new container");
  }
  const container = known ? request.container : containerName(session, { ...pod, spec: copied.spec }, request);
  const withOne = known
    ? copied
    : { ...copied, spec: { ...copied.spec, containers: [...containers, { name: container, ...readsMessage }] } };
  const changed = withContainer(withOne, container, (one) => changedContainer(one, request));
  return { pod: await finished(changed, container, "copy", request), container };
}

/** A pod on the node that sees the node's own processes, network and files. */
export async function nodePod(session: Session, node: string, request: DebugRequest): Promise<Planned> {
  const container = request.container || "debugger";
  const name = `node-debugger-${node}-${nameSuffix(session.host.random)}`;
  if (!request.quiet) session.say(`Creating debugging pod ${name} with container ${container} on node ${node}.`);
  const pod = {
    metadata: { name, labels: { "app.kubernetes.io/managed-by": "kubectl-debug" } },
    spec: {
      containers: [newContainer(request, container)],
      nodeName: node,
      restartPolicy: "Never",
      tolerations: [{ operator: "Exists" }],
    } as PodSpec,
  };
  return { pod: await finished(pod, container, "node", request), container };
}

/** The file of `--custom`. Throws CommandError. */
export async function customContainer(session: Session, file: string): Promise<Partial<Container>> {
  const { parseYaml } = await import("../../../../machinery/codec-yaml.ts");
  let text: string;
  try {
    text = readFileSync(resolve(session.host.cwd, file), "utf8");
  } catch (error) {
    throw new CommandError(`must pass a container spec json file for custom profile: ${fileProblem(error, file)}`);
  }
  let custom: Partial<Container>;
  try {
    custom = parseYaml(text) as Partial<Container>;
  } catch (error) {
    throw new CommandError(`${file} does not contain a valid container spec: ${errorMessage(error)}`);
  }
  const { name, command = [], image, lifecycle, volumeDevices = [] } = custom;
  if (name || command.length > 0 || image || lifecycle || volumeDevices.length > 0) {
    throw new CommandError("name, command, image, lifecycle and volume devices are not modifiable via custom profile");
  }
  return custom;
}

const readsMessage = { terminationMessagePolicy: "File" } as const;

function newContainer(request: DebugRequest, name: string): Container {
  const { args, env, image, pullPolicy, stdin, tty } = request;
  return {
    name,
    image,
    ...readsMessage,
    ...(args.length > 0 ? { [request.argsOnly ? "args" : "command"]: args } : {}),
    ...(env.length > 0 ? { env } : {}),
    ...(pullPolicy ? { imagePullPolicy: pullPolicy as Container["imagePullPolicy"] } : {}),
    ...(stdin ? { stdin } : {}),
    ...(tty ? { tty } : {}),
  } as Container;
}

function changedContainer(before: Container, request: DebugRequest): Container {
  const { args: words, argsOnly, env, image, pullPolicy, stdin, tty } = request;
  const { args: oldArgs, ...rest } = before;
  const said =
    words.length === 0 ? (oldArgs ? { args: oldArgs } : {}) : argsOnly ? { args: words } : { command: words };
  return {
    ...rest,
    ...said,
    ...(env.length > 0 ? { env } : {}),
    ...(image ? { image } : {}),
    ...(pullPolicy ? { imagePullPolicy: pullPolicy } : {}),
    stdin,
    tty,
  } as Container;
}

function containerName(session: Session, pod: Pod, { container, quiet }: DebugRequest): string {
  if (container) return container;
  for (;;) {
    const name = `debugger-${nameSuffix(session.host.random)}`;
    if (findContainer(pod, name)) continue;
    if (!quiet) session.say(`Defaulting debug container name to ${name}.`);
    return name;
  }
}

/** With what the profile and the user's own changes to it say. */
async function finished(
  pod: DebugPod,
  container: string,
  style: DebugStyle,
  { profile, kept, custom }: DebugRequest,
): Promise<DebugPod> {
  const made = profile(pod, container, style, kept);
  if (!custom) return made;
  const { applyStrategicPatch } = await import("../../../../machinery/patch-strategic.ts");
  const { knownType } = await import("../../resources/known-type.ts");
  const type = knownType("v1", "Container");
  if (!type) throw new CommandError("the type of containers is not known");
  return withContainer(made, container, (one) => applyStrategicPatch(type, one, custom) as Container);
}
