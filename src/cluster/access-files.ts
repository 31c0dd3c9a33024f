import { readFile } from "node:fs/promises";
import type { Clock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import { followText } from "../lib/followed-text.ts";
import type { Log } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import { isEqual } from "../machinery/equality.ts";
import type { ApiServer } from "../server/api-server.ts";
import { readAuthenticationConfiguration } from "../server/authentication/configuration.ts";
import { readAuthorizationConfiguration } from "../server/authorization/configuration.ts";
import type { AuthorizerChoice } from "../server/authorization/open-authorizers.ts";
import type { ApiServerFlags } from "./api-server-flag-names.ts";
import { kubeconfigEndpoint } from "./kubeconfig-endpoint.ts";
import { userFile } from "./user-file.ts";

export interface AccessFileParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/**
 * Follows the files of `authentication-config` and `authorization-config` until disposed: what they say anew is used, and
 * what cannot be used leaves the one before in force. As upstream, who may be anonymous and the authorizers other than
 * webhooks stay as they were at the start.
 */
export function followAccessFiles(
  flags: ApiServerFlags,
  server: Pick<ApiServer, "useIssuers" | "useAuthorizers">,
  parts: AccessFileParts,
): Disposable {
  const following = new DisposableStack();
  const authentication = flags["authentication-config"];
  if (authentication) {
    const text = userFile(authentication);
    const { anonymous } = readAuthenticationConfiguration(text);
    const use = async (next: string) => {
      const read = readAuthenticationConfiguration(next);
      if (!isEqual(read.anonymous, anonymous)) {
        throw new Fault("invalid", "anonymous: Forbidden: changed from initial configuration file");
      }
      await server.useIssuers(read.jwt);
    };
    following.use(follow("authentication", authentication, text, use, parts));
  }
  const authorization = flags["authorization-config"];
  if (authorization) {
    const text = userFile(authorization);
    const builtIn = builtInTypes(readAuthorizationConfiguration(text, kubeconfigEndpoint));
    const use = (next: string) => {
      const choices = readAuthorizationConfiguration(next, kubeconfigEndpoint);
      if (!isEqual(builtInTypes(choices), builtIn)) {
        throw new Fault("invalid", `authorizers: the types other than Webhook must stay ${builtIn.join(", ")}`);
      }
      server.useAuthorizers(choices);
    };
    following.use(follow("authorization", authorization, text, use, parts));
  }
  return following;
}

function builtInTypes(choices: readonly AuthorizerChoice[]): readonly string[] {
  return choices
    .map(({ type }) => type)
    .filter((type) => type !== "Webhook")
    .sort();
}

function follow(
  what: "authentication" | "authorization",
  path: string,
  text: string,
  use: (next: string) => void | Promise<void>,
  { clock, log, metrics }: AccessFileParts,
): Disposable {
  const reloads = metrics.counter(
    `apiserver_${what}_config_controller_automatic_reloads_total`,
    `Reloads of the ${what} configuration by their outcome.`,
    ["status"],
  );
  return followText({
    read: () => readFile(path, "utf8"),
    text,
    clock,
    async use(next) {
      await use(next);
      reloads.inc({ status: "success" });
      log.info(`the ${what} configuration was read anew`);
    },
    failed(error) {
      reloads.inc({ status: "failure" });
      log.error(`the ${what} configuration cannot be used; the one before stays`, { error: errorMessage(error) });
    },
  });
}
