import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Transport } from "../../client/transport.ts";
import type { Clock } from "../../lib/clock.ts";
import { errorMessage } from "../../lib/fault.ts";

/** Tells the service manager something: `READY=1`, `WATCHDOG=1`. */
export type Notify = (state: string) => Promise<void>;

/** Speaks to systemd when it started this process; undefined when it did not. */
export function systemdNotify(environment: NodeJS.ProcessEnv): Notify | undefined {
  if (!environment.NOTIFY_SOCKET) return undefined;
  // Node has no datagram sockets of the Unix kind; systemd brings a program for those who have not.
  return async (state) => {
    await promisify(execFile)("systemd-notify", [state], { timeout: 10_000 });
  };
}

export interface WatchdogOptions {
  readonly transport: Transport;
  readonly notify: Notify;
  readonly clock: Clock;
  /** Milliseconds between two looks. */
  readonly interval: number;
  readonly warn: (text: string) => void;
  readonly signal: AbortSignal;
}

/** Says that the service is up, and from then on that it lives, as long as the API server says it is ready. Ends with the signal. */
export async function keepAlive(options: WatchdogOptions): Promise<void> {
  const { transport, notify, clock, interval, warn, signal } = options;
  for (let told = false; !signal.aborted; ) {
    try {
      const answer = await transport.send({ method: "GET", path: "/readyz", signal: AbortSignal.timeout(interval) });
      for await (const _ of answer.bytes());
      if (answer.status === 200) {
        await notify(told ? "WATCHDOG=1" : "READY=1");
        told = true;
      } else warn(`the API server is not ready (${answer.status})`);
    } catch (error) {
      if (!signal.aborted) warn(`the API server does not answer: ${errorMessage(error)}`);
    }
    try {
      await clock.sleep(interval, signal);
    } catch {
      return;
    }
  }
}
