import { CommandError } from "../../messages.ts";
import type { Session } from "../../session.ts";
import { type Controller, type Controllers, desiredReplicas, originalReplicas, updateSource } from "./controllers.ts";

export interface UpdateOptions {
  /** Milliseconds between steps. */
  readonly period: number;
  /** Milliseconds between looks. */
  readonly poll: number;
  /** Milliseconds that a step may take. */
  readonly timeout: number;
  /** The new controller takes the old one's name in the end. */
  readonly rename: boolean;
}

/** Pods may be one more than wanted while they are exchanged, and never less. */
const surge = 1;

/** Moves pods from one controller to the other, one by one, and takes the old one away. Throws CommandError when time is up. */
export async function exchange(
  session: Session,
  controllers: Controllers,
  { from, to, desired }: { readonly from: string; readonly to: string; readonly desired: number },
  options: UpdateOptions,
): Promise<void> {
  const { clock, signal } = session.host;
  let [old, next] = [await controllers.get(from), await controllers.get(to)];
  const original = Number(old.metadata.annotations?.[originalReplicas] ?? old.spec.replicas ?? 0);
  if (old.metadata.annotations?.[originalReplicas] === undefined) {
    old = await controllers.change(from, { metadata: { annotations: { [originalReplicas]: String(original) } } });
  }
  const kept = Math.min(original, desired);
  session.say(
    `Scaling up ${to} from ${sizeOf(next)} to ${desired}, scaling down ${from} from ${sizeOf(old)} to 0 (keep ${kept} pods available, don't exceed ${desired + surge} pods)`,
  );
  while (sizeOf(next) !== desired || sizeOf(old) !== 0) {
    const room = desired + surge - sizeOf(old) - sizeOf(next);
    if (sizeOf(next) > desired) next = await scale(to, desired);
    else if (sizeOf(next) < desired && room > 0) next = await scale(to, Math.min(desired, sizeOf(next) + room), "up");
    else if (sizeOf(old) === 0) throw new CommandError(`there is no room for more pods of ${to}`);
    if (sizeOf(old) > 0) {
      const spare = await waitFor(async () => {
        const available = (await controllers.readyPods(old)) + (await controllers.readyPods(next));
        // Pods that never were ready are no loss.
        const idle = sizeOf(old) - (await controllers.readyPods(old));
        return Math.max(available - kept, sizeOf(next) === desired && available >= kept ? idle : 0);
      });
      old = await scale(from, Math.max(0, sizeOf(old) - spare), "down");
    }
    if (sizeOf(next) !== desired || sizeOf(old) !== 0) await clock.sleep(options.period, signal);
  }
  await waitFor(async () => ((await controllers.readyPods(next)) >= desired ? 1 : 0), desired === 0);
  await finish();

  async function scale(name: string, replicas: number, way?: "up" | "down"): Promise<Controller> {
    if (way) session.say(`Scaling ${name} ${way} to ${replicas}`);
    return await controllers.change(name, { spec: { replicas } });
  }

  /** The number as soon as it is not 0. */
  async function waitFor(look: () => Promise<number>, done = false): Promise<number> {
    const end = clock.monotonic() + options.timeout;
    for (;;) {
      const found = done ? 1 : await look();
      if (found > 0) return found;
      if (clock.monotonic() >= end) throw new CommandError("timed out waiting for the condition");
      await clock.sleep(options.poll, signal);
    }
  }

  async function finish(): Promise<void> {
    const annotations = { [desiredReplicas]: null, [originalReplicas]: null, [updateSource]: null };
    const done = await controllers.change(to, { metadata: { annotations } });
    if (!options.rename) {
      session.say(`Update succeeded. Deleting ${from}`);
      await controllers.delete(from);
      return;
    }
    session.say(`Update succeeded. Deleting old controller: ${from}`);
    await controllers.delete(from);
    session.say(`Renaming ${to} to ${from}`);
    const { labels, annotations: others } = done.metadata;
    await controllers.delete(to, { orphan: true });
    await controllers.create({
      apiVersion: "v1",
      kind: "ReplicationController",
      metadata: { name: from, labels, annotations: others },
      spec: done.spec,
    });
  }
}

const sizeOf = ({ spec }: Controller) => spec.replicas ?? 0;
