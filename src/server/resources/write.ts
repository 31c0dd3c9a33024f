import { badRequest, isStatus, StatusError } from "../../machinery/status-error.ts";
import { ready } from "../../registry/conversion.ts";
import { createObject } from "../../registry/create.ts";
import { type DeleteOptions, type Deletion, deleteObject } from "../../registry/delete.ts";
import { listObjects } from "../../registry/list.ts";
import type { AnyObject } from "../../registry/resource.ts";
import { updateObject } from "../../registry/update.ts";
import { convertToStored, type Written, withDefaults } from "../../registry/write.ts";
import { listAnswer, valueAnswer } from "../bodies/answers.ts";
import { readObject } from "../bodies/read-body.ts";
import type { Call } from "../call.ts";
import type { ServerResponse } from "../exchange.ts";
import { bodyOptions } from "./body-options.ts";
import { readDeleteOptions } from "./delete-options.ts";
import { selectionIn, type WriteParameters, writeParameters } from "./options.ts";
import { ownership } from "./ownership.ts";
import { rulesOf } from "./part-rules.ts";
import { answerContext, objectReply, place } from "./read.ts";

/** POST to a collection. */
export async function createHandler(call: Call): Promise<ServerResponse> {
  const parameters = writeParameters(call, "CreateOptions");
  const object = await readObject(call.request, call.served, bodyOptions(call, parameters.validation));
  const created = await create(call, object, parameters);
  return objectReply(call, 201, created);
}

/** Makes an object with all that a create brings: admission, defaults, ownership. */
export function create(call: Call, object: AnyObject, parameters: WriteParameters): Promise<Written> {
  const { services, collection, served, info } = call;
  if (object.metadata.resourceVersion) {
    throw new StatusError("", "resourceVersion should not be set on objects to be created", { code: 500 });
  }
  const { dryRun } = parameters;
  return createObject(collection, services.registry, {
    served,
    namespace: info.namespace || undefined,
    object,
    dryRun,
    own: ownership(call, parameters, "").update,
    admission: services.admission.of(call, "CREATE", parameters),
  });
}

/** PUT of one object, or of its status. */
export async function updateHandler(call: Call): Promise<ServerResponse> {
  const { collection, info, served, services } = call;
  const parameters = writeParameters(call, "UpdateOptions");
  const sent = await readObject(call.request, served, bodyOptions(call, parameters.validation));
  checkNamespace(call, sent);
  const named = inPlace(call, sent);
  const { namespace, name } = place(call);
  const own = ownership(call, parameters, info.subresource);
  try {
    const written = await updateObject(collection, {
      namespace,
      name,
      dryRun: parameters.dryRun,
      rules: rulesOf(call),
      admission: services.admission.of(call, "UPDATE", parameters),
      served,
      change: async (current) => {
        if (!current.isReady(served)) await ready([current], served);
        return complete(call, own.update(withDefaults(named, served), current.as(served)));
      },
    });
    return await objectReply(call, 200, written);
  } catch (error) {
    const absent = isStatus(error, "NotFound") && collection.resource.declaration.createOnUpdate && !info.subresource;
    if (!absent) throw error;
    const { resourceVersion: _none, ...metadata } = named.metadata;
    const fresh = { ...named, metadata: metadata as AnyObject["metadata"] };
    return await objectReply(call, 201, await create(call, fresh, parameters));
  }
}

/** The object in the stored version with every default. */
export async function complete({ served, collection }: Call, object: AnyObject): Promise<AnyObject> {
  return served.mapping ? withDefaults(await convertToStored(object, served), collection.resource.stored) : object;
}

/** Throws BadRequest when the object says another namespace than the path. */
export function checkNamespace({ info, collection }: Call, { metadata }: AnyObject): void {
  const wanted = collection.resource.namespaced ? info.namespace : "";
  if (metadata.namespace && metadata.namespace !== wanted) {
    throw badRequest(
      `the namespace of the object (${metadata.namespace}) does not match the namespace on the request (${wanted})`,
    );
  }
}

// The path names the object; a body may leave its namespace out.
function inPlace({ info, collection }: Call, object: AnyObject): AnyObject {
  if (!collection.resource.namespaced || object.metadata.namespace) return object;
  return { ...object, metadata: { ...object.metadata, namespace: info.namespace } as AnyObject["metadata"] };
}

/** DELETE of one object. */
export async function deleteHandler(call: Call): Promise<ServerResponse> {
  const { options, parameters } = await deleteParameters(call);
  const { namespace, name } = place(call);
  const deletion = await remove(call, { namespace, name }, options, parameters);
  return deletionAnswer(call, deletion);
}

async function deleteParameters(call: Call): Promise<{ options: DeleteOptions; parameters: WriteParameters }> {
  const asked = writeParameters(call, "DeleteOptions");
  const { options, dryRun } = await readDeleteOptions(call);
  return { options, parameters: { ...asked, dryRun: asked.dryRun || dryRun } };
}

function remove(
  call: Call,
  { namespace, name }: { readonly namespace: string | undefined; readonly name: string },
  options: DeleteOptions,
  parameters: WriteParameters,
): Promise<Deletion> {
  const { services, collection } = call;
  return deleteObject(collection, services.registry, {
    namespace,
    name,
    options,
    dryRun: parameters.dryRun,
    admission: services.admission.of(call, "DELETE", { dryRun: parameters.dryRun, sent: options }),
  });
}

/** What a deletion answers: the object while it stays, and for some kinds even when it is gone; else a Status. */
export async function deletionAnswer(call: Call, deletion: Deletion): Promise<ServerResponse> {
  const { collection, media } = call;
  if (!deletion.gone || collection.strategy.returnsDeleted) return await objectReply(call, 200, deletion);
  const { group, plural } = collection.resource.name;
  const { name, uid } = deletion.object.metadata;
  return valueAnswer(media, 200, {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name, ...(group ? { group } : {}), kind: plural, uid },
  });
}

const workers = 16;

/** DELETE of a collection. */
export async function deleteCollectionHandler(call: Call): Promise<ServerResponse> {
  const { collection, services, info } = call;
  const { options, parameters } = await deleteParameters(call);
  const listed = await listObjects(collection, services.registry.store, {
    selection: selectionIn(call),
    resourceVersion: info.query.get("resourceVersion") ?? "",
    limit: Number(info.query.get("limit") ?? 0),
    ...(info.query.get("continue") ? { continue: info.query.get("continue") ?? "" } : {}),
  });
  const queue = [...listed.items];
  const work = async () => {
    for (let held = queue.pop(); held; held = queue.pop()) {
      const { namespace, name } = held.object.metadata;
      try {
        await remove(call, { namespace, name }, options, parameters);
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, queue.length) }, work));
  await ready(listed.items, call.served);
  return listAnswer(answerContext(call), listed);
}
