import { type Readable, Writable } from "node:stream";
import { Fault, faultCode } from "../../../../lib/fault.ts";
import type { Status } from "../../../../machinery/generated/meta-v1.ts";
import { StatusError } from "../../../../machinery/status-error.ts";
import { connectExec, connectExecWebSocket } from "../../../../wire/exec-client.ts";
import {
  type ExitStatus,
  type RemoteCommandStreams,
  SizeChanges,
  type TerminalSize,
} from "../../../../wire/remote-command.ts";
import { upgradeRefusal } from "../../../../wire/upgrade-client.ts";
import type { Output } from "../../host.ts";
import { CommandError } from "../../messages.ts";
import { type Query, queryText } from "../../resources/api.ts";
import { type Pod, podKind } from "../../resources/pods.ts";
import { pathOf } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";

/** An exec or attach before it is sent; the streams given are asked for in the query by the caller. */
export interface RemoteCall {
  readonly pod: Pod;
  readonly subresource: "exec" | "attach";
  readonly query: Query;
  readonly streams: RemoteCommandStreams;
}

/** Runs it to its end; throws a CommandError with the command's exit code unless that is 0, and StatusError when refused. */
export async function runRemote(session: Session, { pod, subresource, query, streams }: RemoteCall): Promise<void> {
  const { name, namespace } = pod.metadata;
  const path = pathOf(podKind, { name, namespace }, subresource) + queryText(query);
  const ended = await overUpgrade(session, path, {
    first: (target) => connectExecWebSocket(target, streams),
    fallback: (target) => connectExec(target, streams),
  });
  throwUnlessGood(ended);
}

/** A command's end as kubectl tells it. Throws CommandError. */
function throwUnlessGood(ended: ExitStatus): void {
  if (ended.kind === "failed") throw new CommandError(ended.message);
  const { code } = ended;
  if (code !== 0) {
    throw new CommandError(`command terminated with exit code ${code}`, { exitCode: code, verbatim: true });
  }
}

type Connect<T> = (target: Awaited<ReturnType<Session["connection"]["upgrade"]>>) => Promise<T>;

/**
 * Opens a stream to a path in the first way and, when the server refuses that, in the other, which every server knows.
 * Throws what the server said in the end.
 */
export async function overUpgrade<T>(
  session: Session,
  path: string,
  ways: { readonly first: Connect<T>; readonly fallback: Connect<T> },
): Promise<T> {
  const target = await session.connection.upgrade(path, session.host.signal);
  try {
    try {
      return await ways.first(target);
    } catch (error) {
      if (!upgradeRefusal(error) && faultCode(error) !== "unsupported") throw error;
      return await ways.fallback(target);
    }
  } catch (error) {
    throw session.host.signal.aborted ? error : refusalOf(error);
  }
}

/** The server's own words, if it answered an upgrade with any. */
function refusalOf(error: unknown): unknown {
  const refused = upgradeRefusal(error);
  if (!refused) return error instanceof Fault ? new CommandError(error.message) : error;
  try {
    const value = JSON.parse(refused.body) as Status & { readonly kind?: string };
    if (value.kind === "Status") return StatusError.fromStatus(value);
  } catch {
    // Text: it is told as it is.
  }
  return new CommandError(`unable to upgrade connection: ${refused.body.trim()}`);
}

/** What a session on the user's streams is asked for. */
export interface TerminalChoice {
  readonly stdin: boolean;
  readonly tty: boolean;
  readonly quiet: boolean;
  /** Tells a size that is not the terminal's first, so that the program draws its screen anew. */
  readonly redraw?: boolean;
}

/** The user's streams as a remote command gets them; the terminal is given back when it is disposed. */
export interface TerminalSession extends Disposable {
  /** Keys go to the remote terminal as they are pressed, and its output and errors come as one. */
  readonly raw: boolean;
  readonly streams: RemoteCommandStreams;
}

/** Puts the user's terminal into raw mode if that is asked for and it is one. */
export function openTerminal(session: Session, { stdin, tty, quiet, redraw }: TerminalChoice): TerminalSession {
  const { host } = session;
  const { terminal } = host;
  const raw = stdin && tty && terminal !== undefined;
  if (stdin && tty && !raw && !quiet) {
    session.complain("Unable to use a TTY - input is not a terminal or the right kind of file");
  }
  const streams = {
    ...(stdin ? { stdin: host.stdin as Readable } : {}),
    stdout: writableTo(host.stdout),
    ...(raw ? {} : { stderr: writableTo(host.stderr) }),
  };
  if (!raw) return { raw, streams, [Symbol.dispose]: () => {} };
  const changes = new SizeChanges();
  const tell = () => {
    const size = terminal.size();
    if (size) changes.push(size);
  };
  tell();
  const resizing = terminal.onResize(tell);
  const rawMode = terminal.raw();
  return {
    raw,
    streams: { ...streams, tty: true, resize: redraw ? withNudge(changes, terminal.size()) : changes },
    [Symbol.dispose]() {
      rawMode[Symbol.dispose]();
      resizing[Symbol.dispose]();
      changes.end();
    },
  };
}

async function* withNudge(sizes: AsyncIterable<TerminalSize>, now: TerminalSize | undefined) {
  if (now) yield { width: now.width + 1, height: now.height + 1 };
  yield* sizes;
}

/** A stream into an output. */
export function writableTo(output: Output): Writable {
  return new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      output.write(chunk);
      done();
    },
  });
}
