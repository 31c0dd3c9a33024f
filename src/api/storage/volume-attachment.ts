import { isEqual } from "../../machinery/equality.ts";
import { field, path } from "../../machinery/fields.ts";
import { dnsSubdomain } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, named, required } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { validateDriverName } from "../core/validate-remote-volumes.ts";
import { fill } from "../fill.ts";
import type * as storage from "../generated/storage-v1.ts";
import { defineKind } from "../kind.ts";
import { sameInVersions } from "../renamed-version.ts";

export type VolumeAttachment = storage.VolumeAttachment;

const spec = path("spec");

/** The wish to attach a volume to a node, and what came of it. */
export const VolumeAttachment = defineKind<storage.VolumeAttachment>({
  type: "storage/v1.VolumeAttachment",
  plural: "volumeattachments",
  scope: "Cluster",
  subresources: ["status"],
  unconditionalUpdate: false,
  generationOf: () => undefined,
  defaults: (attachment) => fill(attachment, { spec: { attacher: "", source: {}, nodeName: "" } }),
  prepareCreate: (attachment) => ({ ...attachment, status: { attached: false } }),
  validate: validateAttachment,
  validateUpdate: (next, previous) =>
    isEqual(next.spec, previous.spec) ? [] : [field.invalid(spec, next.spec, "field is immutable")],
  columns: [
    nameColumn,
    text("Attacher", (attachment) => attachment.spec.attacher),
    text("PV", (attachment) => attachment.spec.source.persistentVolumeName ?? ""),
    text("Node", (attachment) => attachment.spec.nodeName),
    { name: "Attached", type: "boolean", of: ({ status }) => status?.attached ?? false },
    ageColumn,
  ],
  versions: sameInVersions("storage.k8s.io/v1", {
    "storage.k8s.io/v1beta1": "storage/v1beta1.VolumeAttachment",
    "storage.k8s.io/v1alpha1": "storage/v1alpha1.VolumeAttachment",
  }),
});

function validateAttachment({ spec: given }: storage.VolumeAttachment): Errors {
  const { attacher, source = {}, nodeName } = given;
  const errors: FieldError[] = [...validateDriverName(attacher, spec.child("attacher"))];
  const { persistentVolumeName: name, inlineVolumeSpec: inline } = source;
  const place = spec.child("source");
  if (name === undefined && inline === undefined) {
    errors.push(field.required(place, "must specify exactly one of inlineVolumeSpec and persistentVolumeName"));
  } else if (name !== undefined && inline !== undefined) {
    errors.push(field.forbidden(place, "must specify exactly one of inlineVolumeSpec and persistentVolumeName"));
  } else if (name !== undefined)
    errors.push(...required(place.child("persistentVolumeName"), name, "must specify non empty persistentVolumeName"));
  return [...errors, ...named(spec.child("nodeName"), nodeName, dnsSubdomain)];
}
