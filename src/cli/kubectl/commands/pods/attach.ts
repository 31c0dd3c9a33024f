import { defineCommand } from "../../command.ts";
import { CommandError } from "../../messages.ts";
import { chooseContainer, type FoundContainer, namedObject, type Pod, podOf } from "../../resources/pods.ts";
import type { Session } from "../../session.ts";
import { checkPodTimeout, sessionFlags } from "./exec.ts";
import { openTerminal, runRemote } from "./remote-session.ts";

/** `kubectl attach` */
export const attach = defineCommand({
  name: "attach",
  short: "Attach to a running container",
  long: "Join the streams of a process that already runs in a container.",
  examples: `# See what a pod's process says
kubectl attach mypod

# Talk to it on a terminal
kubectl attach mypod -c ruby -it

# A pod of a replica set
kubectl attach rs/nginx`,
  usage: "(POD | TYPE/NAME) -c CONTAINER",
  flags: sessionFlags,
  async run({ session, args, flags, path }) {
    checkPodTimeout(path, flags);
    const [first, second] = args;
    if (first === undefined) throw new CommandError("at least 1 argument is required for attach");
    if (args.length > 2) {
      throw new CommandError(
        `expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw ${args.length}: [${args.join(" ")}]`,
      );
    }
    const object = await namedObject(session, second === undefined ? { word: first } : { type: first, word: second });
    const pod = await podOf(session, object, flags["pod-running-timeout"]);
    const phase = pod.status?.phase ?? "";
    if (phase === "Succeeded" || phase === "Failed") {
      throw new CommandError(`cannot attach a container in a completed pod; current phase is ${phase}`);
    }
    await attachToPod(session, pod, { ...flags, path });
  },
});

export interface AttachOptions {
  /** Empty for the one that is meant when none is named. */
  readonly container: string;
  readonly stdin: boolean;
  readonly tty: boolean;
  readonly quiet: boolean;
  /** The command that joins again: `kubectl attach`. */
  readonly path: string;
}

/** Joins the streams of a container until its process or the connection ends. Throws CommandError, StatusError. */
export async function attachToPod(session: Session, pod: Pod, options: AttachOptions): Promise<void> {
  const found = containerToJoin(session, pod, options);
  const raw = await joinStreams(session, pod, found.container, options);
  if (options.quiet || !options.stdin || !raw) return;
  const { name, namespace } = pod.metadata;
  const again = `'${options.path} ${name} -c ${found.container.name} -n ${namespace} -i -t'`;
  session.say(
    found.list === "ephemeralContainers"
      ? `Session ended, the ephemeral container will not be restarted but may be reattached using ${again} if it is still running`
      : `Session ended, resume using ${again} command`,
  );
}

/** True when it was a session on the user's terminal. */
async function joinStreams(
  session: Session,
  pod: Pod,
  container: FoundContainer["container"],
  { stdin, tty: wanted, quiet }: AttachOptions,
): Promise<boolean> {
  // A container that has a terminal speaks to one, whether that was asked for or not.
  const tty = container.tty === true;
  if (wanted && !tty && !quiet) {
    session.complain(`error: Unable to use a TTY - container ${container.name} did not allocate one`);
  }
  using terminal = openTerminal(session, { stdin, tty, quiet, redraw: true });
  const { raw, streams } = terminal;
  if (!quiet) {
    session.complain(
      "All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.",
    );
    session.complain("If you don't see a command prompt, try pressing enter.");
  }
  await runRemote(session, {
    pod,
    subresource: "attach",
    query: {
      container: container.name,
      stdin: stdin || undefined,
      stdout: true,
      stderr: !raw || undefined,
      tty: raw || undefined,
    },
    streams,
  });
  return raw;
}

function containerToJoin(session: Session, pod: Pod, { container, quiet }: AttachOptions) {
  try {
    return chooseContainer(session, pod, { name: container, quiet });
  } catch (error) {
    throw new CommandError(`cannot attach to the container: ${(error as Error).message}`);
  }
}
