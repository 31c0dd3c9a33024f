import { existsSync } from "node:fs";
import { basename, posix, resolve } from "node:path";
import { PassThrough, Readable, type Writable } from "node:stream";
import { writeTar } from "../../../../images/tar.ts";
import { defineCommand } from "../../command.ts";
import { bool, int } from "../../flags/flag.ts";
import { CommandError } from "../../messages.ts";
import { chooseContainer, type Pod, podKind } from "../../resources/pods.ts";
import { pathOf } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";
import { containerFlag } from "../pods/exec.ts";
import { runRemote, writableTo } from "../pods/remote-session.ts";
import { localEntries } from "./local-entries.ts";
import { unpack } from "./unpack.ts";

/** `kubectl cp` */
export const cp = defineCommand({
  name: "cp",
  short: "Copy files and directories to and from containers",
  long: "Copy files and folders between this machine and a container, by tar, which the container's image must have.",
  examples: `# A folder into a pod
kubectl cp /tmp/folder mypod:/tmp/folder

# A file into a certain container of a pod in another namespace
kubectl cp /tmp/file other/mypod:/tmp/file -c web

# A file out of a pod
kubectl cp mypod:/tmp/file /tmp/file`,
  usage: "<file-spec-src> <file-spec-dest>",
  flags: {
    ...containerFlag,
    "no-preserve": bool("Owners and permissions become those that the container gives new files."),
    retries: int("How often copying out of a container starts again where it broke off; negative for ever."),
  },
  async run({ session, args, flags }) {
    const [from, to] = args;
    if (from === undefined || to === undefined || args.length > 2) {
      throw new CommandError("source and destination are required");
    }
    const source = placeOf(from);
    const target = placeOf(to);
    if (source.pod && target.pod) throw new CommandError("one of src or dest must be a local file specification");
    if (source.path === "" || target.path === "") throw new CommandError("filepath can not be empty");
    const { container } = flags;
    if (source.pod) {
      await copyFrom(session, await podAt(session, source, container), { source, target, retries: flags.retries });
    } else if (target.pod) {
      await copyTo(session, target, { source, container, keep: !flags["no-preserve"] });
    } else throw new CommandError("one of src or dest must be a remote file specification");
  },
});

/** `[[namespace/]pod:]path` */
interface Place {
  /** Empty for this machine. */
  readonly pod: string;
  readonly namespace: string;
  readonly path: string;
}

function placeOf(word: string): Place {
  const wrong = () => new CommandError("filespec must match the canonical format: [[namespace/]pod:]file/path");
  const at = word.indexOf(":");
  if (at === 0) throw wrong();
  if (at < 0) return { pod: "", namespace: "", path: word };
  const parts = word.slice(0, at).split("/");
  if (parts.length > 2) throw wrong();
  const [first = "", second] = parts;
  const path = word.slice(at + 1);
  return second === undefined ? { pod: first, namespace: "", path } : { pod: second, namespace: first, path };
}

/** A container as `cp` talks to it. */
interface Remote {
  readonly pod: Pod;
  readonly container: string;
}

async function podAt(session: Session, place: Place, container: string): Promise<Remote> {
  const namespace = place.namespace || session.access.namespace;
  const pod = await session.api.call<Pod>({ path: pathOf(podKind, { namespace, name: place.pod }) });
  const phase = pod.status?.phase ?? "";
  if (phase === "Succeeded" || phase === "Failed") {
    throw new CommandError(`cannot exec into a container in a completed pod; current phase is ${phase}`);
  }
  return { pod, container: container || chooseContainer(session, pod, { name: "", quiet: false }).container.name };
}

interface RemoteRun {
  readonly command: readonly string[];
  readonly stdin?: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

async function runIn(session: Session, { pod, container }: Remote, run: RemoteRun): Promise<void> {
  const { command, ...streams } = run;
  const query = { command, container, stdin: streams.stdin ? true : undefined, stdout: true, stderr: true };
  await runRemote(session, { pod, subresource: "exec", query, streams });
}

async function copyTo(
  session: Session,
  target: Place,
  { source, container, keep }: { readonly source: Place; readonly container: string; readonly keep: boolean },
): Promise<void> {
  const { host } = session;
  const local = resolve(host.cwd, source.path);
  if (!existsSync(local)) throw new CommandError(`${source.path} doesn't exist in local filesystem`);
  const remote = await podAt(session, target, container);
  const path = (await isFolder(session, remote, target.path))
    ? posix.join(target.path, basename(local))
    : posix.normalize(target.path).replace(/(.)\/$/, "$1");
  const folder = posix.dirname(path);
  const how = keep ? [] : ["--no-same-permissions", "--no-same-owner"];
  await runIn(session, remote, {
    command: ["tar", ...how, "-xmf", "-", ...(folder === "" ? [] : ["-C", folder])],
    stdin: Readable.from(writeTar(localEntries(local, posix.basename(path)))),
    stdout: writableTo(host.stdout),
    stderr: writableTo(host.stderr),
  });
}

/** Whether there is a folder of that name in the container; what it says when there is none is nobody's concern. */
async function isFolder(session: Session, remote: Remote, path: string): Promise<boolean> {
  const nowhere = () => new PassThrough().resume();
  try {
    await runIn(session, remote, { command: ["test", "-d", path], stdout: nowhere(), stderr: nowhere() });
    return true;
  } catch (error) {
    if (error instanceof CommandError && !session.host.signal.aborted) return false;
    throw error;
  }
}

async function copyFrom(
  session: Session,
  remote: Remote,
  { source, target, retries }: { readonly source: Place; readonly target: Place; readonly retries: number },
): Promise<void> {
  const { host } = session;
  const again = `kubectl exec -n "${source.namespace}" "${source.pod}" -- tar cf - "${source.path}" | tar xf -`;
  let seen = 0;
  const archive = new PassThrough({
    transform(chunk: Uint8Array, _encoding, done) {
      seen += chunk.length;
      done(null, chunk);
    },
  });
  const unpacking = unpack(archive, {
    // Names in the archive have no leading slash, and no way out of it.
    prefix: withoutWaysOut(posix.normalize(source.path.replace(/^\/+/, "")).replace(/(.)\/$/, "$1")),
    folder: resolve(host.cwd, target.path),
    shown: target.path,
    warn: (text) => session.complain(text),
    again,
  });
  // Heard at the end; until then nobody may wait for what is not read any more.
  unpacking.catch(() => archive.destroy());
  for (let tried = 0; ; ) {
    const command =
      retries === 0 ? ["tar", "cf", "-", source.path] : ["sh", "-c", `tar cf - ${source.path} | tail -c+${seen + 1}`];
    try {
      // As upstream, what tar has to say comes on stdout.
      await runIn(session, remote, { command, stdout: archive, stderr: writableTo(host.stdout) });
      break;
    } catch (error) {
      if ((retries >= 0 && tried >= retries) || host.signal.aborted) {
        archive.destroy();
        if (retries !== 0) session.say(`Dropping out copy after ${tried} retries`);
        throw error;
      }
      tried += 1;
      session.say(`Resuming copy at ${seen} bytes, retry ${tried}/${retries}`);
    }
  }
  archive.end();
  await unpacking;
}

/** The path without the steps upwards at its beginning, which lead nowhere from the root. */
function withoutWaysOut(path: string): string {
  return path === "." || path === ".." ? "" : path.replace(/^(?:\.\.\/)+/, "");
}
