import { isStatus } from "../../machinery/status-error.ts";
import type { Collection } from "../../registry/collection.ts";
import { deleteObject } from "../../registry/delete.ts";
import type { WriteContext } from "../../registry/write.ts";

const atOnce = 16;

/** Deletes all objects of a resource; answers how many stay for a while, as finalizers want. */
export async function deleteInstances(collection: Collection, context: WriteContext): Promise<number> {
  const { cache, resource } = collection;
  await cache.current();
  const queue = Array.from(cache.range(resource.range), ({ object }) => object.metadata);
  const work = async () => {
    for (let next = queue.pop(); next; next = queue.pop()) {
      const { namespace, name } = next;
      try {
        await deleteObject(collection, context, { namespace, name, options: {}, dryRun: false });
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, queue.length) }, work));
  await cache.current();
  return [...cache.range(resource.range)].length;
}
