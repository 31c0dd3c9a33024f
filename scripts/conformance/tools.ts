import type { ConformanceGroup } from "./group.ts";

const kubectl = "test/e2e/87-conformance-kubectl.e2e.test.ts";
const operations = "test/api/conformance-operations.test.ts";

/** What upstream's list asks of kubectl, of accounts and of certificates. */
export const toolGroups: readonly ConformanceGroup[] = [
  {
    group: "[sig-cli] Kubectl client",
    file: kubectl,
    names: [
      "Kubectl api-versions should check if v1 is in available api versions",
      "Kubectl cluster-info should check if Kubernetes control plane services is included in cluster-info",
      "Kubectl describe should check if kubectl describe prints relevant information for rc and pods",
      "Kubectl diff should check if kubectl diff finds a difference for Deployments",
      "Kubectl expose should create services for rc",
      "Kubectl label should update the label on a resource",
      "Kubectl patch should add annotations for pods in rc",
      "Kubectl replace should update a single-container pod's image",
      "Kubectl run pod should create a pod from an image when restart is Never",
      "Kubectl server-side dry-run should check if kubectl can dry-run update Pods",
      "Kubectl version should check is all data is printed",
      "Proxy server should support --unix-socket=/path",
      "Proxy server should support proxy with --port 0",
      "Update Demo should create and stop a replication controller",
      "Update Demo should scale a replication controller",
    ],
    elsewhere: {
      "Guestbook application should create and stop a working application": {
        file: "test/e2e/10-guestbook.e2e.test.ts",
        test: "the guestbook > an entry that is pushed is read back from a replica",
      },
    },
  },
  { group: "[sig-cli] Kubectl logs", file: kubectl, names: ["logs should be able to retrieve and filter logs"] },
  {
    group: "[sig-auth] ServiceAccounts",
    file: kubectl,
    names: [
      "ServiceAccountIssuerDiscovery should support OIDC discovery of service account issuer",
      "should allow opting out of API token automount",
      "should guarantee kube-root-ca.crt exist in any namespace",
      "should mount an API token into pods",
      "should mount projected service account token",
    ],
    elsewhere: {
      "should update a ServiceAccount": {
        file: operations,
        test: "ServiceAccounts > should run through the lifecycle of a ServiceAccount",
      },
    },
  },
  {
    group: "[sig-auth] ServiceAccounts",
    file: operations,
    names: ["should run through the lifecycle of a ServiceAccount"],
  },
  { group: "[sig-auth] Certificates API", file: operations, names: ["should support CSR API operations"] },
  { group: "[sig-auth] SubjectReview", file: operations, names: ["should support SubjectReview API operations"] },
];
