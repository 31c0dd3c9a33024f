import { paths, type RoleTable, reading, rule } from "./role-table.ts";

/** The roles for people: what everybody, viewers, editors and administrators may do. */
export const userRoles: RoleTable = {
  "cluster-admin": [rule("*", "*", "*"), paths("*", "*")],
  "system:aggregate-to-admin": [
    rule("create", "authorization.k8s.io", "localsubjectaccessreviews"),
    rule(
      "create delete deletecollection get list patch update watch",
      "rbac.authorization.k8s.io",
      "rolebindings roles",
    ),
  ],
  "system:aggregate-to-edit": [
    reading("core", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy"),
    rule("impersonate", "core", "serviceaccounts"),
    rule(
      "create delete deletecollection patch update",
      "core",
      "pods pods/attach pods/exec pods/portforward pods/proxy",
    ),
    rule(
      "create delete deletecollection patch update",
      "core",
      "configmaps endpoints persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy",
    ),
    rule(
      "create delete deletecollection patch update",
      "apps",
      "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale",
    ),
    rule("create delete deletecollection patch update", "autoscaling", "horizontalpodautoscalers"),
    rule("create delete deletecollection patch update", "batch", "cronjobs jobs"),
    rule(
      "create delete deletecollection patch update",
      "extensions",
      "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale",
    ),
    rule("create delete deletecollection patch update", "policy", "poddisruptionbudgets"),
    rule("create delete deletecollection patch update", "networking.k8s.io", "ingresses networkpolicies"),
    rule("create delete deletecollection patch update", "resource.k8s.io", "resourceclaims resourceclaimtemplates"),
    rule("create delete deletecollection get list patch update watch", "coordination.k8s.io", "leases"),
  ],
  "system:aggregate-to-view": [
    reading(
      "core",
      "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status",
    ),
    reading(
      "core",
      "bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status",
    ),
    reading("core", "namespaces"),
    reading(
      "apps",
      "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status",
    ),
    reading("autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
    reading("batch", "cronjobs cronjobs/status jobs jobs/status"),
    reading(
      "extensions",
      "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale",
    ),
    reading("policy", "poddisruptionbudgets poddisruptionbudgets/status"),
    reading("networking.k8s.io", "ingresses ingresses/status networkpolicies"),
    reading("discovery.k8s.io", "endpointslices"),
    reading("resource.k8s.io", "resourceclaims resourceclaims/status resourceclaimtemplates"),
  ],
  "system:basic-user": [
    rule("create", "authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews"),
    rule("create", "authentication.k8s.io", "selfsubjectreviews"),
  ],
  "system:discovery": [
    paths("get", "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/"),
  ],
  "system:monitoring": [
    paths("get", "/healthz /healthz/* /livez /livez/* /metrics /readyz /readyz/*"),
    paths("get", "/metrics/slis"),
  ],
  "system:public-info-viewer": [paths("get", "/healthz /livez /readyz /version /version/")],
};
