import type { Transport } from "../../src/client/transport.ts";
import { adminTransport, prepareCluster, startControlPlane } from "./control-plane.ts";
import type { MeasuredProcess } from "./measured-process.ts";
import type { Row } from "./report.ts";
import type { Suite } from "./suite.ts";

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const groups = 50;

/** A schema of some 15 KB, as operators bring them. */
function schema(depth: number): object {
  if (depth === 0) return { type: "string", description: "Says something about a part of the object, in one line." };
  const fields = Array.from({ length: depth === 3 ? 6 : 4 }, (_, index) => [`field${index}`, schema(depth - 1)]);
  return { type: "object", description: "A part of the object.", properties: Object.fromEntries(fields) };
}

function definition(index: number): object {
  const group = `g${index % groups}.example.com`;
  const openAPIV3Schema = { type: "object", properties: { spec: schema(3), status: schema(2) } };
  const columns = [{ name: "Field", type: "string", jsonPath: ".spec.field0.field0" }];
  const versions = [
    {
      name: "v1",
      served: true,
      storage: true,
      subresources: { status: {} },
      additionalPrinterColumns: columns,
      schema: { openAPIV3Schema },
    },
  ];
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `kind${index}s.${group}` },
    spec: { group, scope: "Namespaced", names: { plural: `kind${index}s`, kind: `Kind${index}` }, versions },
  };
}

/** What many definitions cost: memory for each, and the time that clients need to learn of them. */
export const customResourceSuite: Suite = {
  name: "custom-resources",
  about: "500 definitions: memory, discovery",
  async run({ folder, short, note, nodeOptions }) {
    const count = short ? 100 : 500;
    using cluster = await prepareCluster(folder);
    await using transport = adminTransport(cluster);
    const last = `/apis/g${(count - 1) % groups}.example.com/v1/kind${count - 1}s`;
    const collected = async (process: MeasuredProcess) => {
      await process.collectedBytes();
      return process.privateBytes();
    };
    let before: number;
    {
      const { process } = await startControlPlane(cluster, nodeOptions);
      await using _process = process;
      before = await collected(process);
      note(`${count} definitions`);
      for (let index = 0; index < count; index++) {
        const answer = await transport.send({ method: "POST", path: definitions, body: definition(index) });
        if (answer.status !== 201) throw new Error(`a definition was refused: ${JSON.stringify(await answer.value())}`);
      }
      await served(transport, last);
    }
    note("started again");
    const { process } = await startControlPlane(cluster, nodeOptions);
    await using _process = process;
    await served(transport, last);
    const each = ((await collected(process)) - before) / count;
    const rows: Row[] = [
      { measure: "memory of one definition, 15 KB of schema", value: each / 1e3, unit: "KB", goal: { atMost: 150 } },
    ];
    for (const what of ["first", "second"]) {
      const began = performance.now();
      const answer = await transport.send({ method: "GET", path: "/apis", headers: { accept: aggregated } });
      await answer.value();
      const value = performance.now() - began;
      rows.push({ measure: `discovery of ${count}, ${what} time`, value, unit: "ms", goal: { atMost: 100 } });
    }
    return rows;
  },
};

async function served(transport: Transport, path: string): Promise<void> {
  for (let found = false; !found; ) {
    const answer = await transport.send({ method: "GET", path });
    await answer.value();
    found = answer.status === 200;
  }
}
