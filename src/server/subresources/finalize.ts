import type { Namespace } from "../../api/core/namespace.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { updateObject } from "../../registry/update.ts";
import { objectAnswer } from "../bodies/answers.ts";
import { readObject } from "../bodies/read-body.ts";
import { bodyOptions } from "../resources/body-options.ts";
import type { Handler } from "../resources/dispatch.ts";
import { writeParameters } from "../resources/options.ts";
import { answerContext } from "../resources/read.ts";

/** PUT to a namespace's `finalize`: changes `spec.finalizers` alone; the last one gone lets a deleted namespace go. */
export const finalizeHandler: Handler = async (call) => {
  const { collection, info, served } = call;
  const parameters = writeParameters(call, "UpdateOptions");
  const sent = await readObject(call.request, served, bodyOptions(call, parameters.validation));
  const { spec } = sent as unknown as Namespace;
  const finalizers = spec?.finalizers ?? [];
  const written = await updateObject(collection, {
    namespace: undefined,
    name: info.name,
    dryRun: parameters.dryRun,
    rules: {
      prepare: (next) => next,
      validate: (next) => collection.resource.declaration.validate?.(next) ?? [],
    },
    change: ({ object }) => {
      const before = object as AnyObject as unknown as Namespace;
      const { finalizers: _old, ...rest } = before.spec ?? {};
      const { name = info.name, resourceVersion } = sent.metadata;
      const metadata = { ...before.metadata, name, resourceVersion };
      return { ...object, metadata, spec: finalizers.length > 0 ? { ...rest, finalizers } : rest } as AnyObject;
    },
  });
  return objectAnswer(answerContext(call), 200, written);
};
