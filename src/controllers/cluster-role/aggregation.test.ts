import { expect, test } from "vitest";
import type { PolicyRule } from "../../api/generated/rbac-v1.ts";
import { ClusterRole } from "../../api/rbac/cluster-role.ts";
import { type Harness, run } from "../framework/testing/harness.ts";
import { clusterRoleAggregationController } from "./aggregation.ts";

const pods: PolicyRule = { apiGroups: [""], resources: ["pods"], verbs: ["get"] };
const deployments: PolicyRule = { apiGroups: ["apps"], resources: ["deployments"], verbs: ["list"] };
const role = (
  { cluster }: Pick<Harness, "cluster">,
  name: string,
  labels: Record<string, string>,
  rules: readonly PolicyRule[],
) => cluster.put(ClusterRole, { metadata: { name, labels }, rules });

test("a gathering role has the rules of all that match, each once, and follows them", async () => {
  await using harness = await run([clusterRoleAggregationController], {
    given: (cluster) => {
      const clusterRoleSelectors = [{ matchLabels: { gather: "yes" } }];
      cluster.put(ClusterRole, { metadata: { name: "all" }, aggregationRule: { clusterRoleSelectors }, rules: [] });
      role({ cluster }, "one", { gather: "yes" }, [pods]);
      role({ cluster }, "other", {}, [deployments]);
    },
  });
  const rules = () => harness.cluster.get(ClusterRole, "all")?.rules;
  expect(rules()).toEqual([pods]);
  role(harness, "two", { gather: "yes" }, [deployments, pods]);
  await harness.settle();
  expect(rules()).toEqual([pods, deployments]);
  harness.cluster.remove(ClusterRole, harness.cluster.get(ClusterRole, "one")!);
  await harness.settle();
  expect(rules()).toEqual([deployments, pods]);
});
