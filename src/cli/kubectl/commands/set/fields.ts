import { defineCommand } from "../../command.ts";
import { list, text } from "../../flags/flag.ts";
import { quantities } from "../../flags/quantities.ts";
import { fileFlags, recursiveByDefault } from "../../flags/shared.ts";
import { CommandError } from "../../messages.ts";
import { podSpecOf, withContainers, withPodSpec } from "../../resources/pod-template.ts";
import type { AnyObject } from "../../resources/resource-info.ts";
import { changeFlags, changeObjects, manifestChangeFlags } from "./change.ts";
import { noTemplate } from "./words.ts";

/** `kubectl set resources` */
export const resources = defineCommand({
  name: "resources",
  short: "Update resource requests/limits on objects with pod templates",
  usage: "(-f FILENAME | TYPE NAME)  ([--limits=LIMITS & --requests=REQUESTS]",
  flags: {
    ...changeFlags,
    containers: text("The containers to change; * is any number of letters.", { short: "c", default: "*" }),
    limits: text("What a container may take at most, as cpu=1,memory=1Gi; 0 takes a limit away."),
    requests: text("What a container is promised."),
  },
  async run({ session, args, flags }) {
    if (!flags.limits && !flags.requests) {
      throw new CommandError("you must specify an update to requests or limits (in the form of --requests/--limits)");
    }
    const [limits, requests] = [quantities(flags.limits), quantities(flags.requests)];
    await changeObjects(session, flags, {
      args,
      done: "resource requirements updated",
      change({ object, resource, name }) {
        const spec = podSpecOf(object);
        if (!spec) throw noTemplate(resource, name);
        const changed = withContainers(
          spec,
          flags.containers,
          (container) => ({
            ...container,
            resources: {
              ...container.resources,
              ...(limits ? { limits: { ...container.resources?.limits, ...limits } } : {}),
              ...(requests ? { requests: { ...container.resources?.requests, ...requests } } : {}),
            },
          }),
          { init: true },
        );
        if (changed.found === 0) throw new CommandError(`unable to find container named ${flags.containers}`);
        return withPodSpec(object, changed.spec);
      },
    });
  },
});

/** `kubectl set selector` */
export const selector = defineCommand({
  name: "selector",
  short: "Set the selector on a resource",
  usage: "(-f FILENAME | TYPE NAME) EXPRESSIONS [--resource-version=version]",
  flags: {
    ...manifestChangeFlags,
    ...recursiveByDefault,
    "resource-version": text("Writes only if the object is still at this version."),
  },
  async run({ session, args, flags }) {
    const expression = args.at(-1) ?? "";
    if (args.length === 0)
      throw new CommandError("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    const { selectorObject } = await import("../../resources/label-selector.ts");
    const wanted = selectorObject(expression) as { readonly matchLabels?: object; readonly matchExpressions?: unknown };
    await changeObjects(session, flags, {
      args: args.slice(0, -1),
      done: "selector updated",
      change({ object }): AnyObject {
        const spec = object.spec as Readonly<Record<string, unknown>> | undefined;
        if (object.kind !== "Service") throw new CommandError(`setting a selector is only supported for Services`);
        if (wanted.matchExpressions) throw new CommandError("match expression [] not supported on this object");
        const version = flags["resource-version"];
        const metadata = version ? { ...object.metadata, resourceVersion: version } : object.metadata;
        return { ...object, metadata, spec: { ...spec, selector: wanted.matchLabels } };
      },
    });
  },
});

/** `kubectl set serviceaccount` */
export const serviceaccount = defineCommand({
  name: "serviceaccount",
  aliases: ["sa"],
  short: "Update the service account of a resource",
  usage: "(-f FILENAME | TYPE NAME) SERVICE_ACCOUNT",
  flags: { ...manifestChangeFlags, ...fileFlags },
  async run({ session, args, flags }) {
    const account = args.at(-1);
    if (account === undefined) throw new CommandError("serviceaccount is required");
    await changeObjects(session, flags, {
      args: args.slice(0, -1),
      done: "serviceaccount updated",
      change({ object, resource, name }) {
        const spec = podSpecOf(object);
        if (!spec) throw noTemplate(resource, name);
        return withPodSpec(object, { ...spec, serviceAccountName: account });
      },
    });
  },
});

interface Subject {
  readonly apiGroup?: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

/** `kubectl set subject` */
export const subject = defineCommand({
  name: "subject",
  short: "Update the user, group, or service account in a role binding or cluster role binding",
  usage:
    "(-f FILENAME | TYPE NAME) [--user=username] [--group=groupname] [--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]",
  flags: {
    ...changeFlags,
    user: list("A user who gets the role."),
    group: list("A group that gets the role."),
    serviceaccount: list("A service account that gets the role, as namespace:name."),
  },
  async run({ session, args, flags }) {
    if (
      (args.length > 0 || flags.filename.length > 0) &&
      flags.user.length + flags.group.length + flags.serviceaccount.length === 0
    ) {
      throw new CommandError("you must specify at least one value of user, group or serviceaccount");
    }
    const apiGroup = "rbac.authorization.k8s.io";
    const added: readonly Subject[] = [
      ...flags.user.map((name) => ({ apiGroup, kind: "User", name })),
      ...flags.group.map((name) => ({ apiGroup, kind: "Group", name })),
      ...flags.serviceaccount.map((written) => {
        const [namespace, name, ...more] = written.split(":");
        if (!namespace || !name || more.length > 0) throw new CommandError("serviceaccount must be <namespace>:<name>");
        return { kind: "ServiceAccount", name, namespace };
      }),
    ];
    await changeObjects(session, flags, {
      args,
      done: "subjects updated",
      change({ object, resource, name }): AnyObject {
        if (!object.kind.endsWith("RoleBinding")) {
          throw new CommandError(
            `${resource.plural}/${name} setting subjects is only supported for RoleBinding/ClusterRoleBinding`,
          );
        }
        const there = (object.subjects as readonly Subject[] | undefined) ?? [];
        const same = (a: Subject, b: Subject) => a.kind === b.kind && a.name === b.name && a.namespace === b.namespace;
        return { ...object, subjects: [...there, ...added.filter((one) => !there.some((old) => same(old, one)))] };
      },
    });
  },
});
