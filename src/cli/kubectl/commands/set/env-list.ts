import { throwAll } from "../../messages.ts";
import { type EnvVar, podSpecOf } from "../../resources/pod-template.ts";
import type { ResourceInfo } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";

/** Prints the variables of each container; with `resolve`, what their references stand for. */
export async function listEnv(
  session: Session,
  selected: { readonly infos: readonly ResourceInfo[]; readonly errors: readonly unknown[] },
  flags: { readonly resolve: boolean; readonly containers: string },
): Promise<void> {
  const form = new RegExp(`^${flags.containers.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")}$`);
  for (const { object, resource, name, namespace } of selected.infos) {
    const spec = podSpecOf(object);
    if (!spec) continue;
    for (const container of [...(spec.initContainers ?? []), ...spec.containers].filter((one) => form.test(one.name))) {
      session.say(`# ${resource.kind} ${name}, container ${container.name}`);
      for (const one of container.env ?? []) session.say(await line(session, one, namespace, flags.resolve));
    }
  }
  throwAll(selected.errors);
}

async function line(session: Session, env: EnvVar, namespace: string, resolve: boolean): Promise<string> {
  const { valueFrom } = env;
  if (!valueFrom) return `${env.name}=${env.value ?? ""}`;
  const { configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef } = valueFrom;
  const ref = configMapKeyRef ?? secretKeyRef;
  if (ref) {
    const kind = configMapKeyRef ? "configmap" : "secret";
    if (!resolve) return `# ${env.name} from ${kind} ${ref.name}, key ${ref.key}`;
    const { data = {} } = await session.api.call<{ readonly data?: Readonly<Record<string, string>> }>({
      path: `/api/v1/namespaces/${namespace}/${kind}s/${ref.name}`,
    });
    const value = data[ref.key] ?? "";
    return `${env.name}=${secretKeyRef ? Buffer.from(value, "base64").toString() : value}`;
  }
  if (fieldRef) return `# ${env.name} from field path ${fieldRef.fieldPath}`;
  return `# ${env.name} from resource field ${resourceFieldRef?.containerName ? `${resourceFieldRef.containerName}, ` : ""}${resourceFieldRef?.resource ?? ""}`;
}
