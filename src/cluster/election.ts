import { createHash } from "node:crypto";
import { hostname } from "node:os";
import {
  type Candidate,
  type ElectionOptions,
  type ElectionTimes,
  type Lead,
  runElected,
  usualElectionTimes,
} from "../client/leader-election.ts";
import { Fault } from "../lib/fault.ts";
import { durationFlag, truthFlag } from "./flag-values.ts";
import type { Flags } from "./part-flags.ts";

/** When a control plane's loops act. */
export interface ControlPlaneElection {
  /** Without them the loops always act: only where no other control plane is on the store. */
  readonly times: ElectionTimes | undefined;
  /** What it writes into the leases; by default a new name each time. */
  readonly identity?: string;
}

/** Upstream's condition between renewals and their deadline. */
const jitterFactor = 1.2;

/** The times of elections by flags; undefined when there are none. Throws Fault `invalid`. */
export function electionFromFlags(flags: Flags): ElectionTimes | undefined {
  if (truthFlag(flags, "leader-elect") === false) return undefined;
  const times: ElectionTimes = {
    leaseDuration: durationFlag(flags, "leader-elect-lease-duration", usualElectionTimes.leaseDuration),
    renewDeadline: durationFlag(flags, "leader-elect-renew-deadline", usualElectionTimes.renewDeadline),
    retryPeriod: durationFlag(flags, "leader-elect-retry-period", usualElectionTimes.retryPeriod),
  };
  const { leaseDuration, renewDeadline, retryPeriod } = times;
  if (retryPeriod <= 0) throw new Fault("invalid", "leader-elect-retry-period must be greater than zero");
  if (leaseDuration <= renewDeadline) {
    throw new Fault("invalid", "leader-elect-lease-duration must be greater than leader-elect-renew-deadline");
  }
  if (renewDeadline <= retryPeriod * jitterFactor) {
    throw new Fault(
      "invalid",
      `leader-elect-renew-deadline must be greater than ${jitterFactor} times leader-elect-retry-period`,
    );
  }
  return times;
}

/**
 * The name of the only control plane that can be on a store: the same after every restart, so that it finds its own leases
 * and need not wait for them to run out. `secret` is something that no other cluster has.
 */
export function lastingIdentity(host: string, secret: string): string {
  const hex = createHash("sha256").update("leader election\n").update(secret).digest("hex");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)];
  return `${host}_${parts.join("-")}`;
}

/** Runs work while it leads, or always where there are no elections. */
export async function runLed(
  options: Omit<ElectionOptions, "times">,
  times: ElectionTimes | undefined,
  lead: Lead,
): Promise<AsyncDisposable> {
  if (times) return runElected({ ...options, times }, lead) satisfies Promise<Candidate>;
  await using work = new AsyncDisposableStack();
  await lead({ signal: new AbortController().signal, held: () => true }, work);
  return work.move();
}

/** What flags say of elections. `own` is a secret of its cluster, given only when no other control plane can be on its store. */
export function electionOf(flags: Flags, own?: string): ControlPlaneElection {
  return { times: electionFromFlags(flags), ...(own ? { identity: lastingIdentity(hostname(), own) } : {}) };
}
