import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { addSimulatedNodes } from "../../src/node/simulated-nodes/make-nodes.ts";
import { type LiveServer, startLiveServer } from "../api/tools/live-server.ts";
import { liveStories } from "./corpus/live.ts";
import { kubeconfigIn } from "./tools/kubeconfig.ts";
import { type Program, programs, type Side, tell } from "./tools/tell.ts";

/** An unmodified kubectl and ours tell the same of clusters in which things happen: controllers, a scheduler, nodes that are played. */
const folder = mkdtempSync(join(tmpdir(), "navarch-kubectl-live-"));
const opened = new AsyncDisposableStack();
const sides = new Map<Program, Side>();

beforeAll(async () => {
  for (const program of programs) {
    const server = opened.use(await startLiveServer());
    sides.set(program, await sideOf(program, server));
  }
});

afterAll(async () => {
  await opened.disposeAsync();
  rmSync(folder, { recursive: true, force: true });
});

async function sideOf(program: Program, { plane, url, ca, admin }: LiveServer): Promise<Side> {
  const client = plane.clientFor({ name: "admin", groups: ["system:masters"] });
  await addSimulatedNodes(client, { count: 3 });
  const kubeconfig = (namespace: string) =>
    kubeconfigIn(join(folder, `${program}-${namespace}.kubeconfig`), { server: url, ca, client: admin, namespace });
  return { url, client, kubeconfig };
}

tell(liveStories, folder, (program) => {
  const side = sides.get(program);
  if (!side) throw new Error("the server did not start");
  return side;
});
