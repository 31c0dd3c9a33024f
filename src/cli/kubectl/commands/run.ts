import { defineCommand } from "../command.ts";
import { bool, duration, int, text, texts } from "../flags/flag.ts";
import { dryRunFlag, fieldManagerFlag, fileFlags, printFlags, recordFlag, saveConfigFlag } from "../flags/shared.ts";
import { CommandError, usageError } from "../messages.ts";
import { labelPairs } from "../resources/label-pairs.ts";
import { podOf } from "../resources/pods.ts";
import { type AnyObject, pathOf } from "../resources/resource-info.ts";
import { is2016 } from "../resources/style-2016.ts";
import { dryRunOf, resultPrinter, withLastApplied, writeQuery } from "../resources/writes.ts";
import { checkPodTimeout } from "./pods/exec.ts";
import { runFlags2016, workload2016 } from "./run-2016.ts";
import type { MadeObject } from "./run-attached.ts";

/** What `run` takes because deleting what it made does; none of it is looked at. */
const unusedFlags = {
  ...fileFlags,
  cascade: text("Not used.", { default: "background", bare: "background" }),
  force: bool("Not used."),
  "grace-period": int("Not used.", { default: -1 }),
  timeout: duration("Not used."),
  wait: bool("Not used."),
} as const;

/** `kubectl run` */
export const run = defineCommand({
  name: "run",
  short: "Run a particular image on the cluster",
  long: `Start a pod of one image. What stands behind -- are arguments, or with --command the command itself.

 With a flag of 2016 (--generator, --replicas, --type, --limits, --requests, --hostport) it makes what it made then, a deployment unless --generator says otherwise; with NAVARCH_KUBECTL_2016=1 in the environment it always does.`,
  examples: `# A pod that listens on a port
kubectl run web --image=nginx --port=80

# A shell in a pod that is gone when you leave
kubectl run -it --rm shell --image=busybox --restart=Never

# A pod that does one thing and ends
kubectl run pi --image=perl --restart=Never -- perl -Mbignum=bpi -wle 'print bpi(200)'`,
  usage:
    'NAME --image=image [--env="key=value"] [--port=port] [--dry-run=server|client] [--overrides=inline-json] [--command] -- [COMMAND] [args...]',
  required: ["image"],
  flags: {
    ...printFlags,
    ...dryRunFlag,
    ...recordFlag,
    ...saveConfigFlag,
    ...fieldManagerFlag("kubectl-run"),
    ...unusedFlags,
    attach: bool("Joins the container once it runs; by default only with --stdin."),
    annotations: texts("An annotation of the pod, as key=value."),
    command: bool("What stands behind -- is the command, not its arguments."),
    env: texts("A variable of the container, as key=value."),
    expose: bool("Makes a service for the pod too; needs --port."),
    image: text("The image to run."),
    ...runFlags2016,
    "image-pull-policy": text("Always, IfNotPresent or Never."),
    labels: text("Labels of the pod, as a=b,c=d.", { short: "l" }),
    "leave-stdin-open": bool("Keeps the container's input open when whoever joined first has left."),
    "override-type": text("How --overrides is applied: json, merge or strategic.", { default: "merge" }),
    overrides: text("JSON that is merged into the pod."),
    "pod-running-timeout": duration("How long to wait for the pod to be ready.", { default: 60_000 }),
    port: text("The port that the container listens on."),
    privileged: bool("Runs the container with every right on its node."),
    quiet: bool("Prints only what the container says.", { short: "q" }),
    restart: text("Always, OnFailure or Never.", { default: "Always" }),
    rm: bool("Deletes the pod when it has ended; for pods that are joined."),
    stdin: bool("Keeps the container's input open.", { short: "i" }),
    tty: bool("Gives the container a terminal.", { short: "t" }),
  },
  async run({ session, args, flags, given, path, dash }) {
    const [name, ...words] = args;
    if (name === undefined || dash === 0) throw usageError(path, "NAME is required for run");
    checkPodTimeout(path, flags);
    if (!/^[^\s]+$/.test(flags.image))
      throw new CommandError(`Invalid image name ${JSON.stringify(flags.image)}: invalid reference format`);
    if (flags.tty && !flags.stdin) {
      throw usageError(path, "-i/--stdin is required for containers with -t/--tty=true");
    }
    if (flags.expose && !flags.port) throw usageError(path, "--port must be set when exposing a service");
    if (!["Always", "OnFailure", "Never"].includes(flags.restart)) {
      throw usageError(path, `invalid restart policy: ${flags.restart}`);
    }
    const dryRun = dryRunOf(session, flags);
    const attached = given.has("attach") ? flags.attach : flags.stdin;
    if (flags.rm && !attached) throw usageError(path, "--rm should only be used for attached containers");
    if (attached && dryRun !== "none") {
      throw usageError(
        path,
        "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)",
      );
    }
    if (!["", "Always", "IfNotPresent", "Never"].includes(flags["image-pull-policy"])) {
      throw usageError(path, `invalid image pull policy: ${flags["image-pull-policy"]}`);
    }
    const as2016 = is2016(session.host) || Object.keys(runFlags2016).some((name) => given.has(name));
    const printer = await resultPrinter(session, flags, dryRun, { as2016 });
    const { namespace, namespaceGiven } = session.access;
    const place = namespaceGiven ? { namespace } : {};
    const labels = flags.labels ? labelPairs(flags.labels) : { run: name };
    const container = {
      ...(words.length > 0 ? { [flags.command ? "command" : "args"]: words } : {}),
      ...(flags.env.length > 0 ? { env: flags.env.map(variable) } : {}),
      image: flags.image,
      ...(flags["image-pull-policy"] ? { imagePullPolicy: flags["image-pull-policy"] } : {}),
      name,
      ...(flags.port ? { ports: [{ containerPort: portNumber(flags.port) }] } : {}),
      resources: {},
      ...(flags.privileged ? { securityContext: { privileged: true } } : {}),
      ...(flags.stdin ? { stdin: true, ...(flags["leave-stdin-open"] ? {} : { stdinOnce: true }) } : {}),
      ...(flags.tty ? { tty: true } : {}),
    };
    const annotations = flags.annotations.length > 0 ? { annotations: labelPairs(flags.annotations.join(",")) } : {};
    const pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, labels, ...annotations, ...place },
      spec: { containers: [container], dnsPolicy: "ClusterFirst", restartPolicy: flags.restart },
      status: {},
    } as unknown as AnyObject;
    const overridden = flags.overrides
      ? (await import("../resources/overrides.ts")).withOverrides(pod, flags.overrides, flags["override-type"])
      : pod;
    const service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, ...place },
      spec: {
        ports: [{ port: Number(flags.port), protocol: "TCP", targetPort: Number(flags.port) }],
        selector: labels,
        ...(flags.type ? { type: flags.type } : {}),
      },
      status: { loadBalancer: {} },
    } as unknown as AnyObject;
    const made: MadeObject[] = [];
    const send = async (object: AnyObject, plural: string) => {
      const kept = flags["save-config"] ? await withLastApplied(object) : object;
      if (dryRun === "client") {
        printer.print(kept, "created");
        return;
      }
      const [version = "", group = ""] = object.apiVersion.split("/").reverse();
      const kind = { group, version, kind: object.kind, plural, namespaced: true };
      const answer = await session.api.call<AnyObject>({
        method: "POST",
        path: pathOf(kind, { namespace }),
        query: writeQuery({ dryRun, fieldManager: flags["field-manager"] }),
        body: { ...kept, metadata: { ...kept.metadata, namespace } },
      });
      made.push({ group, version, plural, object: answer });
      // Whoever joins the pod hears what the container says instead.
      if (!attached || object.kind === "Service") printer.print(answer, "created");
    };
    if (flags.expose) await send(service, "services");
    const { object, plural } = as2016 ? workload2016(overridden, flags) : { object: overridden, plural: "pods" };
    await send(object, plural);
    const workload = made.at(-1);
    if (!attached || !workload) return;
    const { removeRun, runAttached } = await import("./run-attached.ts");
    try {
      const timeout = flags["pod-running-timeout"];
      const { metadata } = await podOf(session, workload.object, timeout);
      await runAttached(session, metadata, {
        ...flags,
        leaveStdinOpen: flags["leave-stdin-open"],
        timeout,
        path: `${path.replace(/ run$/, "")} attach`,
      });
    } finally {
      // Who interrupts is not kept waiting, as upstream: what stays is told.
      if (flags.rm && session.host.signal.aborted)
        session.complain(`${workload.object.kind.toLowerCase()} "${name}" is left running`);
      else if (flags.rm) await removeRun(session, made.toReversed(), flags);
    }
  },
});

function variable(written: string) {
  const at = written.indexOf("=");
  if (at <= 0) throw new CommandError(`invalid env: ${written}`);
  return { name: written.slice(0, at), value: written.slice(at + 1) };
}

function portNumber(written: string): number {
  if (!/^\d+$/.test(written))
    throw new CommandError(`strconv.Atoi: parsing ${JSON.stringify(written)}: invalid syntax`);
  return Number(written);
}
