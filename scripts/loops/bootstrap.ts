import { readFile } from "node:fs/promises";
import { kinds } from "../../src/api/kinds.ts";
import { createAuthority } from "../../src/cluster/certificates.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { systemRandom } from "../../src/lib/random.ts";
import type { KindRef, KubeObject } from "../../src/machinery/object.ts";
import { openTestCluster } from "../../src/testing/test-cluster.ts";
import { canonical } from "./compare.ts";
import type { Entry } from "./recording.ts";

const authority = async (name: string) =>
  (await createAuthority(name, { clock: systemClock, random: systemRandom })).cert;

export interface BootstrapCase {
  readonly name: string;
  readonly recorded: Entry;
  /** Undefined when there is no such object. */
  readonly seen: Entry | undefined;
}

/** What a fresh control plane makes, object by object beside the recording; what 1.20 did not have is not looked at. */
export async function bootstrapCases(file: string): Promise<readonly BootstrapCase[]> {
  const { objects } = JSON.parse(await readFile(file, "utf8")) as {
    readonly objects: Readonly<Record<string, readonly KubeObject[]>>;
  };
  const [clientCa, proxyCa] = [await authority("kubernetes"), await authority("front-proxy")];
  await using cluster = await openTestCluster({
    server: {
      advertise: { address: "192.0.2.1", port: 6443 },
      clientCa,
      authentication: { frontProxy: { clientCa: proxyCa, allowedNames: ["front-proxy-client"] } },
    },
  });
  await cluster.pass(5000);
  const cases: BootstrapCase[] = [];
  for (const [kindName, list] of Object.entries(objects)) {
    const kind = kinds.find((each) => each.kind === kindName) as unknown as KindRef<KubeObject>;
    const present = (await cluster.client.list(kind)).items;
    for (const recorded of list) {
      const { name, namespace } = recorded.metadata as { readonly name: string; readonly namespace?: string };
      const seen = present.find(
        ({ metadata }) => metadata.name === name && (metadata as { namespace?: string }).namespace === namespace,
      );
      const place = namespace ? `${namespace}/${name}` : name;
      cases.push({
        name: `${kindName} ${place}`,
        recorded: normalised(recorded, undefined),
        seen: seen && normalised(seen, recorded),
      });
    }
  }
  return cases;
}

const systemFields = ["uid", "resourceVersion", "creationTimestamp", "managedFields", "generation"];

/** Without what the server gives each object anew; versions and what depends on the setting as in the recording. */
function normalised(object: KubeObject, recorded: KubeObject | undefined): Entry {
  const { apiVersion: _, metadata, ...rest } = object as unknown as Entry;
  const kept = Object.entries(metadata as Entry).filter(([name]) => !systemFields.includes(name));
  const whole = { ...rest, metadata: Object.fromEntries(kept) };
  return (recorded ? withPlaceholders(whole, recorded) : sorted(whole)) as Entry;
}

/** Takes the recording's placeholder wherever it has one. */
function withPlaceholders(seen: unknown, recorded: unknown): unknown {
  if (typeof recorded === "string" && recorded.startsWith("${") && seen !== undefined) return recorded;
  if (Array.isArray(seen) && Array.isArray(recorded)) {
    return sorted(seen.map((item, index) => withPlaceholders(item, recorded[index])));
  }
  if (!isRecord(seen) || !isRecord(recorded)) return sorted(seen);
  return Object.fromEntries(
    Object.entries(seen).map(([name, inner]) => [name, withPlaceholders(inner, recorded[name])]),
  );
}

/** Rules, subjects and their verbs are sets. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sorted).sort((one, other) => (canonical(one) < canonical(other) ? -1 : 1));
  }
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, sorted(inner)]));
}

const isRecord = (value: unknown): value is Entry =>
  typeof value === "object" && value !== null && !Array.isArray(value);
