import { apiApproval, approvalAnnotation } from "../../api/apiextensions/api-approval.ts";
import type { CustomResourceDefinition } from "../../api/apiextensions/custom-resource-definition.ts";
import type * as apiextensions from "../../api/generated/apiextensions-v1.ts";
import { isEqual } from "../../machinery/equality.ts";
import { field, path } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import type { AnyObject } from "../../registry/resource.ts";
import type { Strategy } from "../../registry/strategy.ts";
import { withMetadata } from "../../registry/write.ts";
import { cleanupFinalizer, type Finding, withCondition } from "./definition-status.ts";
import { validateRules } from "./validate-rules.ts";

type Version = apiextensions.CustomResourceDefinitionVersion;

const asDefinition = (object: AnyObject) => object as AnyObject as unknown as CustomResourceDefinition;

/** A definition goes when its instances are gone; its expressions must compile, and be cheap enough. */
export const definitionStrategy: Strategy = {
  beginDelete: (object, now) => {
    const { metadata, status } = asDefinition(object);
    if (metadata.deletionTimestamp) return undefined;
    const { finalizers = [] } = metadata;
    const conditions = withCondition(status?.conditions ?? [], deletionPending, now);
    return {
      ...withMetadata(object, {
        deletionTimestamp: now,
        finalizers: finalizers.includes(cleanupFinalizer) ? finalizers : [...finalizers, cleanupFinalizer],
      }),
      status: { ...status, conditions },
    };
  },
  validate(next, previous) {
    const definition = asDefinition(next);
    return [
      ...(previous ? [] : validateApproval(definition)),
      ...validateExpressions(definition, previous && asDefinition(previous)),
    ];
  },
};

const deletionPending: Finding = {
  type: "Terminating",
  status: "True",
  reason: "InstanceDeletionPending",
  message: "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
};

function validateApproval({ metadata, spec }: CustomResourceDefinition): readonly FieldError[] {
  const approval = apiApproval(spec.group ?? "", metadata.annotations);
  const place = path("metadata", "annotations").key(approvalAnnotation);
  if (approval?.state === "missing") return [field.required(place, approval.message)];
  if (approval?.state === "invalid") {
    return [field.invalid(place, metadata.annotations?.[approvalAnnotation], approval.message)];
  }
  return [];
}

// What was accepted once stays, though today's limits may be others.
function validateExpressions(
  { spec }: CustomResourceDefinition,
  previous: CustomResourceDefinition | undefined,
): readonly FieldError[] {
  const before = new Set<apiextensions.CustomResourceValidation | undefined>();
  for (const { schema } of previous?.spec.versions ?? []) before.add(schema);
  const versions = spec.versions ?? [];
  const isNew = ({ schema }: Version) => schema?.openAPIV3Schema && ![...before].some((old) => isEqual(old, schema));
  const [first] = versions;
  if (first?.schema?.openAPIV3Schema && versions.every(({ schema }) => isEqual(schema, first.schema))) {
    const shared = path("spec", "validation", "openAPIV3Schema"); // where it stood when there was only one
    return isNew(first) ? validateRules(first.schema.openAPIV3Schema, shared) : [];
  }
  return versions.flatMap((version, index) => {
    const place = path("spec", "versions").index(index).child("schema", "openAPIV3Schema");
    return isNew(version) ? validateRules(version.schema?.openAPIV3Schema ?? {}, place) : [];
  });
}
