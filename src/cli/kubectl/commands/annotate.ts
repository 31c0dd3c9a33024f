import { metadataCommand } from "../resources/metadata-change.ts";

/** `kubectl annotate` */
export const annotate = metadataCommand({
  name: "annotate",
  short: "Update the annotations on a resource",
  long: `Set, change and remove annotations of objects.

 An annotation is set by KEY=VALUE and removed by KEY- . What has another value is changed only with --overwrite.`,
  examples: `# Set an annotation
kubectl annotate pods web description='my frontend'

# Remove it
kubectl annotate pods web description-`,
  usage: "[--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N [--resource-version=version]",
  member: "annotations",
});
