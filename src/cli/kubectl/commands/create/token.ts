import { StatusError } from "../../../../machinery/status-error.ts";
import { defineCommand } from "../../command.ts";
import { duration, list, text } from "../../flags/flag.ts";
import { printFlags } from "../../flags/shared.ts";
import { CommandError, ConnectionError, usageError } from "../../messages.ts";
import { objectPrinter } from "../../output/printer.ts";
import { type AnyObject, pathOf } from "../../resources/resource-info.ts";
import { kindRef } from "./generator.ts";

const accounts = kindRef("v1", "ServiceAccount", "serviceaccounts");
const bindable: Readonly<Record<string, string>> = { Pod: "v1", Secret: "v1", Node: "v1" };

/** `kubectl create token` */
export const token = defineCommand({
  name: "token",
  short: "Request a service account token",
  usage: "SERVICE_ACCOUNT_NAME",
  flags: {
    ...printFlags,
    audience: list("Who will be shown the token; default: the API server."),
    duration: duration("How long the token is good for; the server may choose another time."),
    "bound-object-kind": text("The token ends with an object of this kind: Pod, Secret or Node."),
    "bound-object-name": text("The name of that object."),
    "bound-object-uid": text("The UID of that object."),
  },
  async run({ session, args, flags, path }) {
    const [name] = args;
    if (name === undefined || args.length > 1) {
      throw usageError(path, `exactly one NAME is required, got ${args.length}`);
    }
    const { "bound-object-kind": kind, "bound-object-name": boundName, "bound-object-uid": uid } = flags;
    if (flags.duration < 0) throw new CommandError("--duration must be greater than or equal to 0");
    if (flags.duration % 1000 !== 0) {
      throw new CommandError("--duration cannot be expressed in units less than seconds");
    }
    if (kind && !(kind in bindable)) {
      throw new CommandError(`supported --bound-object-kind values are ${Object.keys(bindable).sort().join(", ")}`);
    }
    if (kind && !boundName)
      throw new CommandError("--bound-object-name is required if --bound-object-kind is provided");
    if (!kind && boundName)
      throw new CommandError("--bound-object-name can only be set if --bound-object-kind is provided");
    if (!kind && uid) throw new CommandError("--bound-object-uid can only be set if --bound-object-kind is provided");
    const printer = flags.output ? await objectPrinter(session, flags) : undefined;
    const spec = {
      ...(flags.audience.length > 0 ? { audiences: flags.audience } : { audiences: null }),
      ...(flags.duration > 0 ? { expirationSeconds: flags.duration / 1000 } : {}),
      ...(kind
        ? { boundObjectRef: { kind, apiVersion: bindable[kind], name: boundName, ...(uid ? { uid } : {}) } }
        : {}),
    };
    const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", metadata: {}, spec };
    const at = { namespace: session.access.namespace, name };
    try {
      const made = await session.api.call<AnyObject>({ method: "POST", path: pathOf(accounts, at, "token"), body });
      const { token: written } = made.status as { readonly token?: string };
      if (!written) throw new CommandError("failed to create token: no token in server response");
      if (printer) printer.print(made);
      else session.host.stdout.write(session.host.stdout.isTerminal ? `${written}\n` : written);
    } catch (error) {
      if (error instanceof ConnectionError) throw new CommandError(`failed to create token: ${error.detail}`);
      if (!(error instanceof StatusError)) throw error;
      throw new CommandError(`failed to create token: ${error.message}`);
    }
  },
});
