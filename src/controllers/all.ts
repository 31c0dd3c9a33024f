import { kinds } from "../api/kinds.ts";
import { type ApiSwitches, servedKinds } from "../api/optional-kinds.ts";
import { attachDetachController } from "./attach-detach/attach-detach.ts";
import { certificateApprovingController } from "./certificates/approving.ts";
import { certificateCleaner } from "./certificates/cleaning.ts";
import type { CertificateSigner } from "./certificates/signer.ts";
import { certificateSigningController } from "./certificates/signing.ts";
import { trustBundlePublisher } from "./certificates/trust-bundle-publisher.ts";
import { clusterRoleAggregationController } from "./cluster-role/aggregation.ts";
import { cronJobController } from "./cron-job/cron-job.ts";
import { daemonSetController } from "./daemon-set/daemon-set.ts";
import { deploymentController } from "./deployment/deployment.ts";
import { disruptionController } from "./disruption/disruption.ts";
import { endpointSliceController } from "./endpoints/endpoint-slices.ts";
import { endpointsController } from "./endpoints/endpoints.ts";
import { endpointSliceMirroringController } from "./endpoints/mirror.ts";
import type { ControllerDefinition, LoopDefinition } from "./framework/controller.ts";
import { garbageCollector, isCollectable, isDeletable } from "./garbage-collector/garbage-collector.ts";
import { horizontalPodAutoscalerController } from "./horizontal-pod-autoscaler/autoscaler.ts";
import { ingressStatusController } from "./ingress-status/ingress-status.ts";
import { ingressSecretsController } from "./ingress-status/secret-rights.ts";
import { jobController } from "./job/job.ts";
import { ttlAfterFinishedController } from "./job/ttl-after-finished.ts";
import type { AddressPool } from "./load-balancer/address-pool.ts";
import { loadBalancerController } from "./load-balancer/service-load-balancer.ts";
import type { NodeFolders } from "./local-path/node-folders.ts";
import { localPathProvisionerController } from "./local-path/provision.ts";
import { localPathReclaimController } from "./local-path/reclaim.ts";
import { namespaceController } from "./namespace/namespace.ts";
import { networkController, tenantNetworkController } from "./network/tenant-networks.ts";
import { type MonitorOptions, nodeMonitor } from "./node-life-cycle/monitor.ts";
import { type NodeRangeOptions, nodeRangeController } from "./node-life-cycle/node-ranges.ts";
import { nodeTaintController } from "./node-life-cycle/node-taints.ts";
import { podCollector } from "./node-life-cycle/pod-collector.ts";
import { taintEvictionController } from "./node-life-cycle/taint-eviction.ts";
import { nodeTtlController } from "./node-life-cycle/ttl.ts";
import { volumeClaimController } from "./persistent-volume/claims.ts";
import { ephemeralVolumeController } from "./persistent-volume/ephemeral.ts";
import { expandController } from "./persistent-volume/expand.ts";
import {
  attributesClassProtectionController,
  claimProtectionController,
  volumeProtectionController,
} from "./persistent-volume/protection.ts";
import { volumeController } from "./persistent-volume/volumes.ts";
import { replicaSetController } from "./replication/replica-set.ts";
import { replicationControllerController } from "./replication/replication-controller.ts";
import { resourceQuotaController } from "./resource-quota/resource-quota.ts";
import { bootstrapSigner } from "./service-account/bootstrap-signer.ts";
import { legacyTokenCleaner } from "./service-account/legacy-tokens.ts";
import { rootCaController } from "./service-account/root-ca.ts";
import { serviceAccountController } from "./service-account/service-accounts.ts";
import { tokenCleaner } from "./service-account/token-cleaner.ts";
import { type TokenSecretOptions, tokenSecretController } from "./service-account/token-secrets.ts";
import { serviceCidrController } from "./service-cidr/service-cidrs.ts";
import { statefulSetController } from "./stateful-set/stateful-set.ts";

/** What the cluster tells its controllers. */
export interface ControllerSettings {
  /** PEM certificate of the cluster's authority. */
  readonly rootCa: string;
  /** Signs what nodes and users ask for by CertificateSigningRequests; without it nobody does. */
  readonly signer?: CertificateSigner;
  /** Whether the authority's certificate is published as a ClusterTrustBundle, too; the kind must be served then. */
  readonly trustBundles?: boolean;
  /** What the API server serves beside or instead of the usual: collected and counted like all else. */
  readonly switches?: ApiSwitches;
  /** Makes the tokens that stand in Secrets; without it such Secrets stay empty. */
  readonly secretToken?: TokenSecretOptions["token"];
  /** Where nodes get their pod subnets from. */
  readonly nodeRanges: NodeRangeOptions;
  /** Where Services of type LoadBalancer are answered. */
  readonly nodeAddresses: readonly string[];
  /** Addresses of which each of these Services gets its own, instead of the nodes'. */
  readonly loadBalancerPool?: AddressPool;
  /** How soon a silent node is given up; default is upstream's. */
  readonly nodeMonitor?: MonitorOptions;
  /** Makes volumes of folders on nodes, for claims of class `local-path`; without it nobody does. */
  readonly nodeFolders?: NodeFolders;
  /** Whether nodes serve Ingresses. */
  readonly ingress?: boolean;
}

/** Every controller of a control plane that acts by writing: only one control plane at a time runs them. */
export function allControllers(settings: ControllerSettings): readonly (ControllerDefinition | LoopDefinition)[] {
  // Of a kind whose usual version is switched off nothing can be read.
  const served = servedKinds(kinds, settings.switches ?? {}).filter(({ declaration }) => !declaration.unserved);
  return [
    serviceAccountController,
    rootCaController(settings.rootCa),
    tokenCleaner,
    bootstrapSigner,
    legacyTokenCleaner,
    ...(settings.secretToken ? [tokenSecretController({ rootCa: settings.rootCa, token: settings.secretToken })] : []),
    replicaSetController,
    replicationControllerController,
    deploymentController,
    statefulSetController,
    daemonSetController(),
    jobController(),
    ttlAfterFinishedController,
    cronJobController,
    horizontalPodAutoscalerController(),
    volumeClaimController,
    volumeController,
    claimProtectionController,
    volumeProtectionController,
    attributesClassProtectionController,
    ephemeralVolumeController,
    expandController,
    attachDetachController(),
    ...(settings.nodeFolders
      ? [localPathProvisionerController(settings.nodeFolders), localPathReclaimController(settings.nodeFolders)]
      : []),
    disruptionController,
    resourceQuotaController(served.filter(isDeletable)),
    clusterRoleAggregationController,
    certificateApprovingController,
    ...(settings.signer ? [certificateSigningController(settings.signer)] : []),
    certificateCleaner,
    ...(settings.trustBundles ? [trustBundlePublisher(settings.rootCa)] : []),
    serviceCidrController,
    endpointsController,
    endpointSliceController,
    endpointSliceMirroringController,
    networkController,
    tenantNetworkController,
    namespaceController(served.filter(isDeletable)),
    garbageCollector(served.filter(isCollectable)),
    nodeRangeController(settings.nodeRanges),
    nodeMonitor(settings.nodeMonitor),
    nodeTaintController,
    taintEvictionController(),
    podCollector(),
    nodeTtlController(),
    ...(settings.ingress ? [ingressStatusController, ingressSecretsController] : []),
    loadBalancerController({ nodeAddresses: settings.nodeAddresses, pool: settings.loadBalancerPool }),
  ];
}
