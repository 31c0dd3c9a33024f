import type { PolicyRule } from "../../api/generated/rbac-v1.ts";
import { ClusterRole } from "../../api/rbac/cluster-role.ts";
import { isEqual } from "../../machinery/equality.ts";
import { selectorOfObject } from "../../machinery/labels.ts";
import { keyOf } from "../../machinery/object.ts";
import { defineController, done, watches } from "../framework/controller.ts";

/** Fills ClusterRoles that gather others with the rules of all roles that match, by name and each once. */
export const clusterRoleAggregationController = defineController({
  name: "clusterrole-aggregation",
  serviceAccount: "clusterrole-aggregation-controller",
  for: ClusterRole,
  watches: [
    watches(ClusterRole, (_role, _previous, cache) =>
      cache
        .list(ClusterRole)
        .filter(({ aggregationRule }) => aggregationRule)
        .map(keyOf),
    ),
  ],
  workers: 5,
  async reconcile(key, { cache, client }) {
    const role = cache.get(ClusterRole, key);
    if (!role?.aggregationRule) return done;
    const selectors = (role.aggregationRule.clusterRoleSelectors ?? []).map(selectorOfObject);
    const rules: PolicyRule[] = [];
    const gathered = cache
      .list(ClusterRole)
      .filter(({ metadata }) => selectors.some((selector) => selector.matches(metadata.labels)))
      .filter(({ metadata }) => metadata.uid !== role.metadata.uid)
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    for (const rule of gathered.flatMap((each) => each.rules ?? [])) {
      if (!rules.some((known) => isEqual(known, rule))) rules.push(rule);
    }
    if (!isEqual(rules, role.rules)) await client.update(ClusterRole, { ...role, rules });
    return done;
  },
});
