import { rollbackAnnotation } from "../../api/apps/workload-versions.ts";
import type { DeploymentRollback } from "../../api/generated/extensions-v1beta1.ts";
import { lookupType } from "../../api/type-info.ts";
import { Fault } from "../../lib/fault.ts";
import { field, path } from "../../machinery/fields.ts";
import { validateAnnotations } from "../../machinery/metadata-validation.ts";
import { badRequest, type FieldError, invalid } from "../../machinery/status-error.ts";
import { updateObject, wholeObject } from "../../registry/update.ts";
import { withMetadata } from "../../registry/write.ts";
import { valueAnswer } from "../bodies/answers.ts";
import { readObject } from "../bodies/read-body.ts";
import { bodyOptions } from "../resources/body-options.ts";
import type { Handler } from "../resources/dispatch.ts";
import { writeParameters } from "../resources/options.ts";

const kind = "DeploymentRollback";

/** POST to a Deployment's `rollback`, of the time before apps/v1: its controller goes back to the revision that is named. */
export const rollbackHandler: Handler = async (call) => {
  const { collection, info, served, services, media } = call;
  const { apiVersion, group, version } = served;
  const parameters = writeParameters(call, "CreateOptions");
  const type = lookupType(`${apiVersion}.${kind}`);
  if (!type) throw new Fault("internal", `no ${kind} in ${apiVersion}`);
  const sent = await readObject(call.request, { kind, apiVersion, type }, bodyOptions(call, parameters.validation));
  const admission = services.admission.of(call, "CREATE", {
    dryRun: parameters.dryRun,
    body: { group, version, kind },
  });
  const admitted = await admission.admit(sent, undefined);
  await admission.validate(admitted, undefined);
  const rollback = admitted as unknown as DeploymentRollback;
  if (rollback.name !== info.name) throw badRequest(`name in URL does not match name in ${kind} object`);
  const errors = faultsOf(rollback);
  if (errors.length > 0) throw invalid({ group, kind }, rollback.name, errors);

  const { updatedAnnotations, rollbackTo } = rollback;
  await updateObject(collection, {
    namespace: info.namespace,
    name: info.name,
    dryRun: parameters.dryRun,
    rules: wholeObject(collection.resource),
    change: ({ object }) =>
      withMetadata(object, {
        annotations: {
          ...object.metadata.annotations,
          ...updatedAnnotations,
          [rollbackAnnotation]: String(rollbackTo?.revision ?? 0),
        },
      }),
  });
  const message = `rollback request for deployment ${JSON.stringify(info.name)} succeeded`;
  return valueAnswer(media, 201, {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    message,
    code: 200,
  });
};

function faultsOf({ updatedAnnotations, rollbackTo }: DeploymentRollback): readonly FieldError[] {
  const errors: FieldError[] = [...validateAnnotations(updatedAnnotations, path("updatedAnnotations"))];
  const revision = rollbackTo?.revision ?? 0;
  if (revision < 0) {
    errors.push(field.invalid(path("rollback", "revision"), revision, "must be greater than or equal to 0"));
  }
  return errors;
}
