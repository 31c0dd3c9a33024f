import { goQuote } from "../../../../lib/go-text.ts";
import { isStatus } from "../../../../machinery/status-error.ts";
import { defineCommand } from "../../command.ts";
import { bool, list, text } from "../../flags/flag.ts";
import { CommandError } from "../../messages.ts";
import { namedObject, type Pod, podKind } from "../../resources/pods.ts";
import { type AnyObject, pathOf } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";
import { copyOf, customContainer, type DebugRequest, nodePod, type Planned, withDebugger } from "./debug-pods.ts";
import { joinDebugger } from "./join-debugger.ts";
import { profileOf } from "./profiles.ts";

/** `kubectl debug` */
export const debug = defineCommand({
  name: "debug",
  short: "Create debugging sessions for troubleshooting workloads and nodes",
  long: `Look into a pod or a node by a container with the tools for it.

 A running pod gets one more container, or with --copy-to a copy of the pod is made that has it. A node gets a pod with the node's own processes, network and, at /host, files.`,
  examples: `# A shell beside a running pod
kubectl debug mypod -it --image=busybox

# A copy of a pod with another command in one of its containers
kubectl debug mypod -it --copy-to=my-debugger --container=web -- sh

# A copy of a pod with other images
kubectl debug mypod --copy-to=my-debugger --set-image=*=busybox

# A shell on a node
kubectl debug node/mynode -it --image=busybox`,
  usage: "(POD | TYPE[[.VERSION].GROUP]/NAME) [ -- COMMAND [args...] ]",
  flags: {
    "arguments-only": bool("What stands behind -- are arguments, not the command."),
    attach: bool("Joins the container when it runs; default: with --stdin."),
    container: text("The name of the container to debug with.", { short: "c" }),
    "copy-to": text("Debugs a copy of the pod, which gets this name."),
    custom: text("A file with a part of a container, which is put over what the profile says."),
    env: list("A variable of the container, as key=value."),
    filename: list("A file that names what to debug.", { short: "f" }),
    image: text("The image of the container."),
    "image-pull-policy": text("Always, IfNotPresent or Never."),
    "keep-annotations": bool("With --copy-to: the copy keeps the annotations."),
    "keep-init-containers": bool("With --copy-to: the copy runs the init containers.", { default: true }),
    "keep-labels": bool("With --copy-to: the copy keeps the labels."),
    "keep-liveness": bool("With --copy-to: the copy keeps the liveness probes."),
    "keep-readiness": bool("With --copy-to: the copy keeps the readiness probes."),
    "keep-startup": bool("With --copy-to: the copy keeps the startup probes."),
    profile: text("legacy, general, baseline, netadmin, restricted or sysadmin.", { default: "legacy" }),
    quiet: bool("Says nothing about what it does.", { short: "q" }),
    replace: bool("With --copy-to: deletes the pod."),
    "same-node": bool("With --copy-to: the copy runs on the pod's node."),
    "set-image": list("With --copy-to: other images, as container=image; * is every container."),
    "share-processes": bool("With --copy-to: the copy's containers see each other's processes.", { default: true }),
    stdin: bool("Keeps the container's input open.", { short: "i" }),
    target: text("The container whose processes the debugging container sees."),
    tty: bool("Gives the container a terminal.", { short: "t" }),
  },
  async run({ session, args, flags, given, path, dash }) {
    const names = dash === undefined ? args : args.slice(0, dash);
    const words = dash === undefined ? [] : args.slice(dash);
    const { image } = flags;
    const setImages = pairsOf("set-image", flags["set-image"], path);
    const request: DebugRequest = {
      args: words,
      argsOnly: flags["arguments-only"],
      container: flags.container,
      copyTo: flags["copy-to"],
      env: [...pairsOf("env", flags.env, path)].map(([name, value]) => ({ name, value })),
      image,
      pullPolicy: flags["image-pull-policy"],
      stdin: flags.stdin,
      tty: flags.tty,
      quiet: flags.quiet,
      sameNode: flags["same-node"],
      shareProcesses: given.has("share-processes") ? flags["share-processes"] : undefined,
      setImages,
      target: flags.target,
      profile: profileOf(flags.profile),
      kept: {
        labels: flags["keep-labels"],
        annotations: flags["keep-annotations"],
        liveness: flags["keep-liveness"],
        readiness: flags["keep-readiness"],
        startup: flags["keep-startup"],
        initContainers: flags["keep-init-containers"],
      },
      custom: flags.custom ? await customContainer(session, flags.custom) : undefined,
    };
    const attach = given.has("attach") ? flags.attach : flags.stdin;
    if (flags.attach && given.has("attach") && image === "" && flags.container === "") {
      throw new CommandError(
        "you must specify --container or create a new container using --image in order to attach.",
      );
    }
    checkCopy(request, { replace: flags.replace });
    const named = names.length > 0 || flags.filename.length > 0;
    checkValues(session, request, named);
    if (flags.profile === "legacy") {
      session.complain(
        '--profile=legacy is deprecated and will be removed in the future. It is recommended to explicitly specify a profile, for example "--profile=general".',
      );
    }
    const asked = names.length > 0 ? names.map((word) => ({ word })) : [{ filenames: flags.filename }];
    for (const what of asked) {
      const object = await namedObject(session, what);
      const { pod, container } = await carryOut(session, object, { request, replace: flags.replace });
      if (attach && container !== "") {
        await joinDebugger(session, { pod, container }, { ...request, path: "kubectl attach" });
      }
    }
  },
});

/** `a=b`, several with commas. Throws CommandError. */
function pairsOf(flag: string, words: readonly string[], path: string): ReadonlyMap<string, string> {
  return new Map(
    words.map((word) => {
      const at = word.indexOf("=");
      if (at >= 0) return [word.slice(0, at), word.slice(at + 1)];
      throw new CommandError(
        `invalid argument ${goQuote(word)} for "--${flag}" flag: ${word} must be formatted as key=value\nSee '${path} --help' for usage.`,
      );
    }),
  );
}

function checkCopy(request: DebugRequest, { replace }: { readonly replace: boolean }): void {
  const { args, container, copyTo, image, sameNode, setImages } = request;
  const refuse = (message: string) => {
    throw new CommandError(message);
  };
  if (copyTo === "") {
    if (replace) refuse("--replace may only be used with --copy-to.");
    if (sameNode) refuse("--same-node may only be used with --copy-to.");
    if (setImages.size > 0) refuse("--set-image may only be used with --copy-to.");
    if (image === "") refuse("you must specify --image when not using --copy-to.");
    return;
  }
  if (image === "" && setImages.size === 0 && args.length === 0) {
    refuse("you must specify --image, --set-image or command arguments.");
  }
  if (args.length > 0 && container === "" && image === "") {
    refuse("you must specify an existing container or a new image when specifying args.");
  }
}

const reference =
  /^(?:(?:[a-z\d](?:[a-z\d-]*[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]*[a-z\d])?)*|\[[a-f\d:]+\])(?::\d+)?\/)?[a-z\d]+(?:(?:[._]|__|-+)[a-z\d]+)*(?:\/[a-z\d]+(?:(?:[._]|__|-+)[a-z\d]+)*)*(?::[\w][\w.-]{0,127})?(?:@[a-z][a-z\d]*(?:[-_+.][a-z][a-z\d]*)*:[\da-f]{32,})?$/i;

function checkValues(session: Session, request: DebugRequest, named: boolean): void {
  const { image, pullPolicy, setImages, target } = request;
  const wrong = "invalid reference format";
  if (image !== "" && !reference.test(image)) {
    throw new CommandError(`invalid image name ${goQuote(image)}: ${wrong}`);
  }
  if (!named) throw new CommandError("NAME or filename is required for debug");
  if (!["Always", "IfNotPresent", "Never", ""].includes(pullPolicy)) {
    throw new CommandError(`invalid image pull policy: ${pullPolicy}`);
  }
  for (const [container, one] of setImages) {
    if (reference.test(one)) continue;
    throw new CommandError(`invalid image name ${goQuote(one)} for container ${goQuote(container)}: ${wrong}`);
  }
  if (target !== "") {
    if (request.copyTo !== "") {
      throw new CommandError("--target is incompatible with --copy-to. Use --share-processes instead.");
    }
    if (!request.quiet) {
      session.say(
        `Targeting container ${goQuote(target)}. If you don't see processes from this container it may be because the container runtime doesn't support this feature.`,
      );
    }
  }
  if (request.tty && !request.stdin) {
    throw new CommandError("-i/--stdin is required for containers with -t/--tty=true");
  }
}

interface Made {
  readonly pod: Pod;
  readonly container: string;
}

async function carryOut(
  session: Session,
  object: AnyObject,
  { request, replace }: { readonly request: DebugRequest; readonly replace: boolean },
): Promise<Made> {
  const { name = "", namespace = session.access.namespace } = object.metadata;
  if (object.kind === "Node" && object.apiVersion === "v1") {
    return await createPod(session, await nodePod(session, name, request), session.access.namespace);
  }
  if (object.kind !== "Pod" || object.apiVersion !== "v1") {
    const [group, version] = object.apiVersion.includes("/") ? object.apiVersion.split("/") : ["", object.apiVersion];
    throw new CommandError(`${goQuote(`${group}/${version}, Kind=${object.kind}`)} not supported by debug`);
  }
  const pod = object as unknown as Pod;
  if (request.copyTo === "") return await addDebugger(session, pod, await withDebugger(session, pod, request));
  const planned = await copyOf(session, pod, request);
  warnOfUser(session, planned);
  const made = await createPod(session, planned, namespace);
  if (replace) {
    const body = { kind: "DeleteOptions", apiVersion: "v1", gracePeriodSeconds: 0 };
    await session.api.call({ method: "DELETE", path: pathOf(podKind, { namespace, name }), body });
  }
  return made;
}

async function createPod(session: Session, { pod, container }: Planned, namespace: string): Promise<Made> {
  const made = await session.api.call<Pod>({
    method: "POST",
    path: pathOf(podKind, { namespace }),
    body: { apiVersion: "v1", kind: "Pod", ...pod },
  });
  return { pod: made, container };
}

async function addDebugger(session: Session, before: Pod, planned: Planned): Promise<Made> {
  warnOfUser(session, planned);
  const { name, namespace } = before.metadata;
  const containers = planned.pod.spec.ephemeralContainers ?? [];
  try {
    const pod = await session.api.call<Pod>({
      method: "PATCH",
      path: pathOf(podKind, { name, namespace }, "ephemeralcontainers"),
      contentType: "application/strategic-merge-patch+json",
      body: {
        spec: {
          "$setElementOrder/ephemeralContainers": containers.map((one) => ({ name: one.name })),
          ephemeralContainers: containers.slice(-1),
        },
      },
    });
    return { pod, container: planned.container };
  } catch (error) {
    if (!isStatus(error, "NotFound") || error.details?.name) throw error;
    throw new CommandError(
      `ephemeral containers are disabled for this cluster (error from server: ${goQuote(error.message)})`,
    );
  }
}

/** Capabilities are of no use to a user who is not root. */
function warnOfUser(session: Session, { pod, container }: Planned): void {
  const all = [...pod.spec.containers, ...(pod.spec.ephemeralContainers ?? [])];
  const security = all.find(({ name }) => name === container)?.securityContext;
  if (!pod.spec.securityContext?.runAsUser || !security || security.runAsUser === 0) return;
  if (!security.privileged && !security.capabilities?.add?.length) return;
  session.complain(
    'Warning: Non-root user is configured for the entire target Pod, and some capabilities granted by debug profile may not work. Please consider using "--custom" with a custom profile that specifies "securityContext.runAsUser: 0".',
  );
}
