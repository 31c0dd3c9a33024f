import { setTimeout } from "node:timers/promises";
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
    const started = async () => (await startControlPlane(cluster, nodeOptions)).process;
    {
      await using _first = await started();
    }
    // A start on what is there already takes less than the very first one, with definitions or without.
    let before: number;
    {
      await using process = await started();
      await controllersAtWork(transport);
      before = await collected(process);
      note(`${count} definitions`);
      for (let index = 0; index < count; index++) {
        const answer = await transport.send({ method: "POST", path: definitions, body: definition(index) });
        if (answer.status !== 201) throw new Error(`a definition was refused: ${JSON.stringify(await answer.value())}`);
      }
      await served(transport, last);
    }
    note("started again");
    await using process = await started();
    await served(transport, last);
    await controllersAtWork(transport, last);
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

/**
 * Waits until the controllers have taken over from those of the process before; with the path of a custom resource, until
 * the garbage collector follows its objects too.
 */
async function controllersAtWork(transport: Transport, path = maps): Promise<void> {
  const kind = path === maps ? "ConfigMap" : `Kind${/kind(\d+)s$/.exec(path)?.[1]}`;
  const apiVersion = path === maps ? "v1" : path.split("/").slice(2, 4).join("/");
  const place = path === maps ? maps : path.replace(/([^/]+)$/, "namespaces/default/$1");
  for (let round = 0; ; round++) {
    const name = `owner-${round}`;
    const made = await send(transport, "POST", place, { apiVersion, kind, metadata: { name } });
    const ownerReferences = [{ apiVersion, kind, name, uid: made.metadata.uid }];
    await send(transport, "POST", maps, { metadata: { name: `of-${name}`, ownerReferences } });
    await send(transport, "DELETE", `${place}/${name}`);
    for (let look = 0; look < 10; look++) {
      await setTimeout(500);
      const answer = await transport.send({ method: "GET", path: `${maps}/of-${name}` });
      await answer.value();
      if (answer.status === 404) return;
    }
  }
}

const maps = "/api/v1/namespaces/default/configmaps";

async function send(transport: Transport, method: "DELETE" | "POST", path: string, body?: object) {
  const answer = await transport.send({ method, path, ...(body ? { body } : {}) });
  const value = (await answer.value()) as { readonly metadata: { readonly uid: string } };
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${JSON.stringify(value)}`);
  return value;
}
