import { existsSync } from "node:fs";
import { join } from "node:path";
import { ReplicationController } from "../api/core/replication-controller.ts";
import { Service } from "../api/core/service.ts";
import type { Client } from "../client/client.ts";
import type { Clock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import { createMissing, readManifests } from "./manifests.ts";

const patience = 180_000;

/** The folder of an example that comes with Navarch; throws `missing` for one that does not. */
export function exampleFolder(name: string): string {
  const folder = join(import.meta.dirname, "../../examples", name);
  const packaged = join(import.meta.dirname, "../../../examples", name);
  const found = [folder, packaged].find((path) => /^[a-z0-9-]+$/.test(name) && existsSync(path));
  if (!found) throw new Fault("missing", `there is no example "${name}"; there is: guestbook`);
  return found;
}

/** Where an example answers, once it does. */
export interface ServedExample {
  readonly url: string;
}

/** Creates an example's objects and waits until its Service answers at the load balancer's address. */
export async function serveExample(
  client: Client,
  name: string,
  options: { readonly clock: Clock; readonly note: (text: string) => void; readonly signal: AbortSignal },
): Promise<ServedExample> {
  const { clock, note, signal } = options;
  const objects = readManifests(exampleFolder(name));
  await createMissing(client, objects);
  const deadline = clock.monotonic() + patience;
  let seen = "nothing yet";
  while (clock.monotonic() < deadline) {
    const controllers = (await client.list(ReplicationController, { namespace: "default" })).items.filter(
      (controller) =>
        objects.some(
          (object) => object.kind === "ReplicationController" && object.metadata.name === controller.metadata.name,
        ),
    );
    const wanted = controllers.reduce((sum, { spec }) => sum + (spec.replicas ?? 1), 0);
    const ready = controllers.reduce((sum, { status }) => sum + (status?.readyReplicas ?? 0), 0);
    seen = `${ready} of ${wanted} pods ready`;
    note(seen);
    if (wanted > 0 && ready === wanted) {
      const url = await serviceUrl(client, name);
      const answer = url ? await fetchStatus(url) : "its Service has no address";
      if (url && answer === 200) {
        note(`${seen}, ${url}`);
        return { url };
      }
      seen = `${seen}, but ${url ?? "the Service"}: ${answer}`;
    }
    await clock.sleep(100, signal);
  }
  throw new Fault(
    "timeout",
    `the example ${name} did not serve within ${patience / 1000} s: ${seen}; see: kubectl get pods,events`,
  );
}

async function serviceUrl(client: Client, name: string): Promise<string | undefined> {
  const service = await client.get(Service, { namespace: "default", name });
  const ingress = service.status?.loadBalancer?.ingress?.[0]?.ip;
  const port = service.spec.ports?.[0]?.port;
  return ingress && port ? `http://${ingress}:${port}` : undefined;
}

async function fetchStatus(url: string): Promise<number | string> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) });
    await answer.arrayBuffer();
    return answer.status;
  } catch (error) {
    return errorMessage(error);
  }
}
