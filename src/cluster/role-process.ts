import { errorMessage, faultCode } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { ChildMessage, StopMessage } from "./child.ts";
import { trimHeap } from "./heap-trim.ts";

/** A part of the cluster that runs in a process of its own. */
export interface Role {
  /** Ends it. `clean` takes away all that outlives the process. */
  stop(clean: boolean): Promise<void>;
  /** The machine may be going down: ends what must not be cut off. Comes before `stop` when a signal ends the process. */
  prepareForSignal?(): Promise<void>;
}

/** Runs a role in this process under a parent's eye: says when it is ready, and ends when asked or when left alone. */
export async function runRole(log: Log, start: (note: (text: string) => void) => Promise<Role>): Promise<void> {
  const tell = (message: ChildMessage) => {
    if (process.connected) process.send?.(message);
  };
  const wish = Promise.withResolvers<{ readonly clean: boolean; readonly signal?: boolean }>();
  process.on("message", (message: StopMessage) => {
    if (message.type === "stop") wish.resolve({ clean: message.clean });
  });
  // A parent that was killed cannot ask; what runs keeps running, for the next start to find.
  process.on("disconnect", () => wish.resolve({ clean: false }));
  process.on("SIGTERM", () => wish.resolve({ clean: false, signal: true }));
  process.on("SIGINT", () => wish.resolve({ clean: false }));
  process.on("unhandledRejection", (error) => log.error("a promise was left alone", { error }));

  let role: Role;
  try {
    role = await start((text) => tell({ type: "note", text }));
  } catch (error) {
    log.error(`cannot start: ${errorMessage(error)}`, { error });
    tell({ type: "failed", code: faultCode(error) ?? "internal", message: errorMessage(error) });
    process.exitCode = 1;
    setTimeout(() => process.exit(1), 100).unref();
    return;
  }
  tell({ type: "ready" });
  using _heap = trimHeap();
  const { clean, signal } = await wish.promise;
  try {
    if (signal) await role.prepareForSignal?.();
    await role.stop(clean);
    log.info("stopped", { clean });
    process.exit(0);
  } catch (error) {
    log.error(`did not stop cleanly: ${errorMessage(error)}`, { error });
    process.exit(1);
  }
}
