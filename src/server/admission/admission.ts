import type { AnyObject } from "../../registry/resource.ts";
import type { Admission } from "../../registry/write.ts";
import type { Call } from "../call.ts";
import type { UserInfo } from "../exchange.ts";

export type Operation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT";

/** One write, as admission plugins see it. */
export interface AdmissionRequest {
  readonly operation: Operation;
  readonly group: string;
  /** The version that the client speaks. */
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  readonly warn: (text: string) => void;
}

/** Changes or refuses writes by rules that need more than the object itself. Throws StatusError to refuse. */
export interface AdmissionPlugin {
  readonly name: string;
  /** Asked before the others look; a plugin that cares for few kinds keeps all other writes cheap. */
  handles(request: AdmissionRequest): boolean;
  mutate?(
    object: AnyObject,
    previous: AnyObject | undefined,
    request: AdmissionRequest,
  ): AnyObject | Promise<AnyObject>;
  validate?(
    object: AnyObject | undefined,
    previous: AnyObject | undefined,
    request: AdmissionRequest,
  ): void | Promise<void>;
}

/** All plugins in their order: every one may change the object, then every one may refuse it. */
export class AdmissionChain {
  readonly #plugins: readonly AdmissionPlugin[];

  constructor(plugins: readonly AdmissionPlugin[]) {
    this.#plugins = plugins;
  }

  /** The admission of one call's write. */
  of({ info, user, served, warnings }: Call, operation: Operation, options: { readonly dryRun: boolean }): Admission {
    return this.for({
      operation,
      group: info.group,
      version: info.version,
      resource: info.resource,
      subresource: info.subresource,
      kind: served.kind,
      namespace: info.namespace,
      name: info.named ? info.name : "",
      user,
      dryRun: options.dryRun,
      warn: (text) => warnings.push(text),
    });
  }

  for(request: AdmissionRequest): Admission {
    const plugins = this.#plugins.filter((plugin) => plugin.handles(request));
    return {
      async admit(object, previous) {
        let admitted = object;
        for (const plugin of plugins) {
          if (plugin.mutate) admitted = await plugin.mutate(admitted, previous, request);
        }
        return admitted;
      },
      async validate(object, previous) {
        for (const plugin of plugins) await plugin.validate?.(object, previous, request);
      },
    };
  }
}

/** Whether a request makes a pod. */
export function isPodCreate({ operation, group, resource, subresource }: AdmissionRequest): boolean {
  return operation === "CREATE" && resource === "pods" && group === "" && subresource === "";
}
