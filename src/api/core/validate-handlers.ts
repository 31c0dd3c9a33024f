import { type FieldPath, field } from "../../machinery/fields.ts";
import { httpHeaderName } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, named, nonNegative, oneOf, portInRange, portNumberOrName, required } from "../checks.ts";
import type * as core from "../generated/core-v1.ts";

interface Handler {
  readonly exec?: core.ExecAction;
  readonly httpGet?: core.HTTPGetAction;
  readonly tcpSocket?: core.TCPSocketAction;
  readonly grpc?: core.GRPCAction;
  readonly sleep?: core.SleepAction;
}

/** The faults of a container's probes; those of liveness and start-up must be satisfied with one success. */
export function validateProbes(container: core.Container, place: FieldPath, gracePeriod: number): Errors {
  const { livenessProbe, readinessProbe, startupProbe } = container;
  const readiness = place.child("readinessProbe");
  return [
    ...validateOnceProbe(livenessProbe, place.child("livenessProbe"), gracePeriod),
    ...validateProbe(readinessProbe, readiness, gracePeriod),
    ...(readinessProbe?.terminationGracePeriodSeconds === undefined
      ? []
      : [
          field.invalid(
            readiness.child("terminationGracePeriodSeconds"),
            readinessProbe.terminationGracePeriodSeconds,
            "must not be set for readinessProbes",
          ),
        ]),
    ...validateOnceProbe(startupProbe, place.child("startupProbe"), gracePeriod),
  ];
}

function validateOnceProbe(probe: core.Probe | undefined, place: FieldPath, gracePeriod: number): Errors {
  const errors = validateProbe(probe, place, gracePeriod);
  if (!probe || (probe.successThreshold ?? 0) === 1) return errors;
  return [...errors, field.invalid(place.child("successThreshold"), probe.successThreshold ?? 0, "must be 1")];
}

function validateProbe(probe: core.Probe | undefined, place: FieldPath, gracePeriod: number): Errors {
  if (!probe) return [];
  const seconds = probe.terminationGracePeriodSeconds;
  return [
    ...validateHandler(probe, place, gracePeriod),
    ...nonNegative(place.child("initialDelaySeconds"), probe.initialDelaySeconds),
    ...nonNegative(place.child("timeoutSeconds"), probe.timeoutSeconds),
    ...nonNegative(place.child("periodSeconds"), probe.periodSeconds),
    ...nonNegative(place.child("successThreshold"), probe.successThreshold),
    ...nonNegative(place.child("failureThreshold"), probe.failureThreshold),
    ...(seconds !== undefined && seconds <= 0
      ? [field.invalid(place.child("terminationGracePeriodSeconds"), seconds, "must be greater than 0")]
      : []),
  ];
}

/** The faults of the hooks after start and before stop. */
export function validateLifecycle(
  lifecycle: core.Lifecycle | undefined,
  place: FieldPath,
  gracePeriod: number,
): Errors {
  if (!lifecycle) return [];
  return [
    ...(lifecycle.postStart ? validateHandler(lifecycle.postStart, place.child("postStart"), gracePeriod) : []),
    ...(lifecycle.preStop ? validateHandler(lifecycle.preStop, place.child("preStop"), gracePeriod) : []),
  ];
}

function validateHandler(handler: Handler, place: FieldPath, gracePeriod: number): Errors {
  const errors: FieldError[] = [];
  let handlers = 0;
  const one = (name: keyof Handler, check: (here: FieldPath) => Errors) => {
    if (handlers > 0) errors.push(field.forbidden(place.child(name), "may not specify more than 1 handler type"));
    else errors.push(...check(place.child(name)));
    handlers++;
  };
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
  if (exec) one("exec", (here) => required(here.child("command"), exec.command));
  if (httpGet) one("httpGet", (here) => validateHttpGet(httpGet, here));
  if (tcpSocket) one("tcpSocket", (here) => portNumberOrName(here.child("port"), tcpSocket.port));
  if (grpc) one("grpc", (here) => portInRange(here.child("port"), grpc.port));
  if (sleep) one("sleep", (here) => validateSleep(sleep, here, gracePeriod));
  if (handlers === 0) errors.push(field.required(place, "must specify a handler type"));
  return errors;
}

function validateHttpGet(action: core.HTTPGetAction, place: FieldPath): Errors {
  return [
    ...required(place.child("path"), action.path),
    ...portNumberOrName(place.child("port"), action.port),
    ...oneOf(place.child("scheme"), action.scheme ?? "", ["HTTP", "HTTPS"]),
    ...(action.httpHeaders ?? []).flatMap(({ name }) => named(place.child("httpHeaders"), name, httpHeaderName)),
  ];
}

function validateSleep({ seconds }: core.SleepAction, place: FieldPath, gracePeriod: number): Errors {
  if (seconds >= 0 && seconds <= gracePeriod) return [];
  const detail = `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriod})`;
  return [field.invalid(place, seconds, detail)];
}
