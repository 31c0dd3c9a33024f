import { Fault } from "../../lib/fault.ts";
import { parseDuration } from "../../machinery/times.ts";
import { type ConfigNode, configDocument } from "../config-document.ts";
import type { RemoteEndpoint } from "../webhooks/endpoint.ts";
import type { AuthorizerChoice } from "./open-authorizers.ts";

const plain = ["Node", "RBAC", "AlwaysAllow", "AlwaysDeny"] as const;

/**
 * Reads an AuthorizationConfiguration of apiserver.config.k8s.io (`--authorization-config`); `endpoint` reads the
 * kubeconfig file of a webhook. Throws Fault `invalid`.
 */
export function readAuthorizationConfiguration(
  text: string,
  endpoint: (kubeconfig: string) => RemoteEndpoint,
): readonly AuthorizerChoice[] {
  const file = configDocument(text, "AuthorizationConfiguration", ["v1", "v1beta1", "v1alpha1"]);
  const authorizers = file.only("apiVersion", "kind", "authorizers").children("authorizers");
  if (authorizers.length === 0)
    throw new Fault("invalid", "authorizers: Required value: at least one authorization mode must be defined");
  const names = new Set<string>();
  return authorizers.map((node) => {
    node.only("type", "name", "webhook");
    const type = node.requiredText("type");
    const name = node.requiredText("name");
    if (names.has(name)) throw new Fault("invalid", `${node.at("name")}: Duplicate value: ${JSON.stringify(name)}`);
    names.add(name);
    const known = plain.find((one) => one === type);
    if (known) return { type: known };
    if (type !== "Webhook")
      throw new Fault("invalid", `${node.at("type")}: Unsupported value: ${JSON.stringify(type)}`);
    return readWebhook(node.requiredChild("webhook"), name, endpoint);
  });
}

function readWebhook(
  node: ConfigNode,
  name: string,
  endpoint: (kubeconfig: string) => RemoteEndpoint,
): AuthorizerChoice {
  node.only(
    "authorizedTTL",
    "unauthorizedTTL",
    "cacheAuthorizedRequests",
    "cacheUnauthorizedRequests",
    "timeout",
    "subjectAccessReviewVersion",
    "matchConditionSubjectAccessReviewVersion",
    "failurePolicy",
    "connectionInfo",
    "matchConditions",
  );
  const connection = node.requiredChild("connectionInfo").only("type", "kubeConfigFile");
  if (connection.requiredText("type") !== "KubeConfigFile") {
    throw new Fault(
      "invalid",
      `${connection.at("type")}: this server runs outside of its cluster and takes KubeConfigFile`,
    );
  }
  const version = node.requiredText("subjectAccessReviewVersion");
  if (version !== "v1" && version !== "v1beta1") {
    throw new Fault(
      "invalid",
      `${node.at("subjectAccessReviewVersion")}: Unsupported value: ${JSON.stringify(version)}`,
    );
  }
  const failurePolicy = node.requiredText("failurePolicy");
  if (failurePolicy !== "NoOpinion" && failurePolicy !== "Deny") {
    throw new Fault("invalid", `${node.at("failurePolicy")}: Unsupported value: ${JSON.stringify(failurePolicy)}`);
  }
  const timeout = duration(node, "timeout", undefined);
  if (timeout <= 0 || timeout > 30_000) throw new Fault("invalid", `${node.at("timeout")}: must be > 0s and <= 30s`);
  const ttl = (time: string, kept: string, usual: number) =>
    node.flag(kept) === false ? 0 : duration(node, time, usual);
  return {
    type: "Webhook",
    webhook: {
      name,
      endpoint: endpoint(connection.requiredText("kubeConfigFile")),
      version,
      timeout,
      authorizedTtl: ttl("authorizedTTL", "cacheAuthorizedRequests", 300_000),
      unauthorizedTtl: ttl("unauthorizedTTL", "cacheUnauthorizedRequests", 30_000),
      failurePolicy,
      matchConditions: node.children("matchConditions").map((one) => one.only("expression").requiredText("expression")),
    },
  };
}

function duration(node: ConfigNode, name: string, usual: number | undefined): number {
  const text = usual === undefined ? node.requiredText(name) : node.text(name);
  if (text === undefined) return usual ?? 0;
  try {
    return Number(parseDuration(text) / 1_000_000n);
  } catch (error) {
    throw new Fault("invalid", `${node.at(name)}: ${JSON.stringify(text)} is no duration`, { cause: error });
  }
}
