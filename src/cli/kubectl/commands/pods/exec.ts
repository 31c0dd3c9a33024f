import { defineCommand } from "../../command.ts";
import { bool, duration, list, text } from "../../flags/flag.ts";
import { CommandError, usageError } from "../../messages.ts";
import { chooseContainer, namedObject, podOf } from "../../resources/pods.ts";
import { openTerminal, runRemote } from "./remote-session.ts";

/** `-c`, `--container` */
export const containerFlag = {
  container: text("The container; default: the one that the pod's annotation names, or the first.", { short: "c" }),
} as const;

/** Flags of sessions inside containers. */
export const sessionFlags = {
  ...containerFlag,
  "pod-running-timeout": duration("How long to wait for a pod of the workload to be there.", { default: 60_000 }),
  quiet: bool("Prints only what the container says.", { short: "q" }),
  stdin: bool("Passes your input on to the container.", { short: "i" }),
  tty: bool("Your input is a terminal.", { short: "t" }),
} as const;

/** Refuses a time to wait that is none. Throws CommandError. */
export function checkPodTimeout(path: string, flags: { readonly "pod-running-timeout": number }): void {
  if (flags["pod-running-timeout"] <= 0) throw usageError(path, "--pod-running-timeout must be higher than zero");
}

/** `kubectl exec` */
export const exec = defineCommand({
  name: "exec",
  short: "Execute a command in a container",
  long: `Run a command in a container of a pod, of the pods of a workload or of those behind a service, and end as the command ends.

 The command stands behind --, so that its flags are its own. It is run as it is: for pipes and variables, run a shell.`,
  examples: `# The output of a command
kubectl exec mypod -- date

# A shell in a certain container
kubectl exec mypod -c ruby -it -- bash

# In a pod of a deployment
kubectl exec deploy/web -- ls /srv`,
  usage: "(POD | TYPE/NAME) [-c CONTAINER] [flags] -- COMMAND [args...]",
  flags: {
    ...sessionFlags,
    filename: list("A file that names the object to run the command in.", { short: "f" }),
  },
  async run({ session, args, flags, path, dash }) {
    const word = dash === 0 ? undefined : args[0];
    if (dash === undefined && (args.length > 1 || (args.length > 0 && flags.filename.length > 0))) {
      throw usageError(path, "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead");
    }
    const command = dash === undefined ? [] : args.slice(dash);
    checkPodTimeout(path, flags);
    if (word === undefined && flags.filename.length === 0) {
      throw new CommandError("pod, type/name or --filename must be specified");
    }
    if (command.length === 0) throw new CommandError("you must specify at least one command for the container");
    const object = await namedObject(session, { word, filenames: flags.filename });
    const pod = await podOf(session, object, flags["pod-running-timeout"]);
    const phase = pod.status?.phase ?? "";
    if (phase === "Succeeded" || phase === "Failed") {
      throw new CommandError(`cannot exec into a container in a completed pod; current phase is ${phase}`);
    }
    const container = flags.container || chooseContainer(session, pod, { name: "", quiet: flags.quiet }).container.name;
    using terminal = openTerminal(session, flags);
    const { raw, streams } = terminal;
    await runRemote(session, {
      pod,
      subresource: "exec",
      query: {
        command,
        container,
        stdin: flags.stdin || undefined,
        stdout: true,
        stderr: !raw || undefined,
        tty: raw || undefined,
      },
      streams,
    });
  },
});
