import { metadataCommand } from "../resources/metadata-change.ts";

/** `kubectl label` */
export const label = metadataCommand({
  name: "label",
  short: "Update the labels on a resource",
  long: `Set, change and remove labels of objects.

 A label is set by KEY=VALUE and removed by KEY- . What has another value is changed only with --overwrite.`,
  examples: `# Set a label
kubectl label pods web unhealthy=true

# Change it
kubectl label --overwrite pods web unhealthy=false

# Remove it
kubectl label pods web unhealthy-`,
  usage: "[--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]",
  member: "labels",
});
