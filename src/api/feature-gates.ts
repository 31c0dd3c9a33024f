/**
 * The feature gates that API fields stand behind and that are off in Kubernetes v1.35 unless somebody switches them on;
 * every other gate that the field tables name is on (beta and on by default, or stable).
 */
const off = new Set([
  "CRDObservedGenerationTracking",
  "ClusterTrustBundleProjection",
  "ContainerStopSignals",
  "CoordinatedLeaderElection",
  "CrossNamespaceVolumeDataSource",
  "DRAConsumableCapacity",
  "DRADeviceBindingConditions",
  "DRADeviceTaints",
  "DRAExtendedResource",
  "DRAPartitionableDevices",
  "InPlacePodLevelResourcesVerticalScaling",
  "NodeDeclaredFeatures",
  "PodCertificateProjection",
  "PodLogsQuerySplitStreams",
  "ResourceHealthStatus",
]);

/** Gates whose fields v1.35 does not have: they are unknown to it, not merely switched off. */
const later = new Set([
  "DRAListTypeAttributes",
  "DRANodeAllocatableResources",
  "DRAWorkloadResourceClaims",
  "GenericWorkload",
  "ImageVolumeWithDigest",
  "ResourceHealthStatusMessage",
  "ShardedListAndWatch",
  "TopologyAwareWorkloadScheduling",
  "VolumeLimitScaling",
  "WorkloadAwarePreemption",
]);

/** Whether a feature gate is on by default in v1.35. */
export function gateOn(name: string): boolean {
  return !off.has(name) && !later.has(name);
}

/** Whether the fields behind a feature gate came after v1.35. */
export function gateIsLater(name: string): boolean {
  return later.has(name);
}
