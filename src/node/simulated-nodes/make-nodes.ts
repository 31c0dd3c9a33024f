import { Node } from "../../api/core/node.ts";
import type { Client, WriteOptions } from "../../client/client.ts";
import { Fault } from "../../lib/fault.ts";
import type { Draft } from "../../machinery/object.ts";

const label = "simulated.navarch/node";
const namePrefix = "sim-";

/** What a simulated node has unless told otherwise. */
export const usualAmounts = { cpu: "32", memory: "128Gi", "ephemeral-storage": "100Gi", pods: "110" };

/** Whether a node is only played. */
export const isSimulated = ({ metadata }: Node): boolean => metadata.labels?.[label] === "true";

/** The cluster's nodes that are only played. */
export async function simulatedNodes(client: Client): Promise<readonly Node[]> {
  return (await client.list(Node, { labelSelector: `${label}=true` })).items;
}

export interface SimulatedNodeWishes {
  readonly count: number;
  /** The nodes are spread over these in turn. */
  readonly zones?: readonly string[];
  readonly amounts?: Partial<typeof usualAmounts>;
}

/** Adds so many simulated nodes to those that there are, or with `dryRun` asks whether they could be. Returns their names. */
export async function addSimulatedNodes(
  client: Client,
  wishes: SimulatedNodeWishes,
  options: Pick<WriteOptions, "dryRun"> = {},
): Promise<readonly string[]> {
  const taken = new Set((await simulatedNodes(client)).map(({ metadata }) => metadata.name));
  const names: string[] = [];
  for (let number = 1; names.length < wishes.count; number += 1) {
    const name = `${namePrefix}${number}`;
    if (!taken.has(name)) names.push(name);
  }
  for (let at = 0; at < names.length; at += atOnce) {
    const bunch = names.slice(at, at + atOnce);
    await Promise.all(bunch.map((name) => client.create(Node, nodeNamed(name, wishes), options)));
  }
  return names;
}

const atOnce = 32;

/** Sees to it that there are so many, and adds what is missing. Throws Fault `invalid` when there are more. */
export async function ensureSimulatedNodes(client: Client, wishes: SimulatedNodeWishes): Promise<number> {
  const { length } = await simulatedNodes(client);
  if (length > wishes.count) {
    throw new Fault(
      "invalid",
      `there are ${length} simulated nodes already; delete some first: kubectl delete node -l ${label}=true`,
    );
  }
  await addSimulatedNodes(client, { ...wishes, count: wishes.count - length });
  return wishes.count;
}

function nodeNamed(name: string, { zones = [], amounts }: SimulatedNodeWishes): Draft<Node> {
  const zone = zones[(Number(name.slice(namePrefix.length)) - 1) % zones.length];
  const capacity = { ...usualAmounts, ...amounts };
  return {
    metadata: {
      name,
      labels: {
        [label]: "true",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        ...(zone ? { "topology.kubernetes.io/zone": zone } : {}),
      },
    },
    spec: {},
    status: { capacity, allocatable: capacity },
  } as Draft<Node>;
}
