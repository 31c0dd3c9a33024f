import { join } from "node:path";
import type { TestCluster } from "./cluster.ts";
import { eventually } from "./eventually.ts";

export const examples = join(import.meta.dirname, "../../../examples");

/** The address at which the example's Service answers from outside. */
export async function loadBalancer(cluster: TestCluster): Promise<string> {
  return await eventually("the guestbook's Service has an outer address", async () => {
    const { status } = await cluster.get("service", "guestbook");
    const address: string | undefined = status.loadBalancer?.ingress?.[0]?.ip;
    return address !== undefined && `http://${address}:3000`;
  });
}

/** Who answers, request by request, each over a connection of its own as curl makes it. */
export async function hostnames(url: string, count: number): Promise<readonly string[]> {
  const names: string[] = [];
  for (let round = 0; round < count; round++) {
    const answer = await fetch(`${url}/env`, { headers: { connection: "close" } });
    const environment = (await answer.json()) as { readonly HOSTNAME: string };
    names.push(environment.HOSTNAME);
  }
  return names;
}
