import type { Clock } from "../lib/clock.ts";
import { errorMessage, Fault } from "../lib/fault.ts";
import type { Log } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { ServerOptions } from "../server/api-server.ts";
import type { AuditBackend } from "../server/audit/audit-event.ts";
import { readAuditPolicy } from "../server/audit/audit-policy.ts";
import { logBackend } from "../server/audit/log-backend.ts";
import { webhookBackend } from "../server/audit/webhook-backend.ts";
import { httpsCaller } from "../server/webhooks/webhook-caller.ts";
import type { ApiServerFlags } from "./api-server-flag-names.ts";
import { durationFlag as duration, wholeFlag as whole } from "./flag-values.ts";
import { kubeconfigEndpoint } from "./kubeconfig-endpoint.ts";
import { userFile } from "./user-file.ts";

interface AuditParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** What is audited and where to, how many requests are worked on, by flags and the files these name. Throws Fault `invalid`. */
export function protectionFromFlags(
  flags: ApiServerFlags,
  parts: AuditParts,
): Pick<ServerOptions, "audit" | "inflight" | "requestTimeout" | "transportSecurity"> {
  const reading = whole(flags, "max-requests-inflight");
  const mutating = whole(flags, "max-mutating-requests-inflight");
  const directives = flags["strict-transport-security-directives"];
  const policy = flags["audit-policy-file"];
  const backends = auditBackends(flags, parts);
  return {
    // As upstream: without a policy nothing is audited, without a back end nothing is worth auditing.
    ...(policy && backends.length > 0 ? { audit: { policy: policyIn(policy), backends } } : {}),
    inflight: { ...(reading === undefined ? {} : { reading }), ...(mutating === undefined ? {} : { mutating }) },
    ...(flags["request-timeout"] ? { requestTimeout: duration(flags, "request-timeout", 60_000) } : {}),
    ...(directives ? { transportSecurity: directives.split(",").join("; ") } : {}),
  };
}

function auditBackends(flags: ApiServerFlags, parts: AuditParts): readonly AuditBackend[] {
  if (!flags["audit-policy-file"]) return [];
  const path = flags["audit-log-path"];
  const webhook = flags["audit-webhook-config-file"];
  return [...(path ? [fileBackend(path, flags, parts)] : []), ...(webhook ? [remote(webhook, flags, parts)] : [])];
}

function fileBackend(path: string, flags: ApiServerFlags, { clock, log }: AuditParts): AuditBackend {
  const maxSize = whole(flags, "audit-log-maxsize");
  const maxBackups = whole(flags, "audit-log-maxbackup");
  const maxAge = whole(flags, "audit-log-maxage");
  return logBackend({
    path,
    clock,
    log,
    // 0 is upstream's word for its usual size.
    ...(maxSize ? { maxSize } : {}),
    ...(maxBackups === undefined ? {} : { maxBackups }),
    ...(maxAge === undefined ? {} : { maxAge }),
  });
}

function remote(path: string, flags: ApiServerFlags, parts: AuditParts): AuditBackend {
  const caller = httpsCaller(parts.clock);
  const bufferSize = whole(flags, "audit-webhook-batch-buffer-size");
  const maxBatch = whole(flags, "audit-webhook-batch-max-size");
  const backend = webhookBackend({
    ...parts,
    endpoint: kubeconfigEndpoint(path),
    caller,
    ...(bufferSize ? { bufferSize } : {}),
    ...(maxBatch ? { maxBatch } : {}),
    maxWait: duration(flags, "audit-webhook-batch-max-wait", 30_000),
    initialBackoff: duration(flags, "audit-webhook-initial-backoff", 10_000),
  });
  return {
    write: (event) => backend.write(event),
    async [Symbol.asyncDispose]() {
      await backend[Symbol.asyncDispose]();
      caller[Symbol.dispose]();
    },
  };
}

function policyIn(path: string) {
  try {
    return readAuditPolicy(userFile(path));
  } catch (error) {
    throw new Fault("invalid", `audit-policy-file ${path}: ${errorMessage(error)}`, { cause: error });
  }
}
