import { type FieldPath, field } from "../../machinery/fields.ts";
import { dnsLabel, portName, portNumber } from "../../machinery/names.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, named, requiredNamed, requiredOneOf } from "../checks.ts";
import type * as core from "../generated/core-v1.ts";
import { isSidecar } from "./pod-state.ts";
import { validateEnv, validateEnvFrom } from "./validate-env.ts";
import { validateLifecycle, validateProbes } from "./validate-handlers.ts";
import { validateMounts } from "./validate-mounts.ts";
import { validateRequirements, validateResizePolicy } from "./validate-resources.ts";
import { validateSecurityContext } from "./validate-security-context.ts";

/** What a container's faults depend on beside the container itself. */
export interface ContainerSurroundings {
  readonly volumes: ReadonlyMap<string, core.Volume>;
  readonly claims: ReadonlySet<string>;
  readonly restartPolicy: string | undefined;
  readonly gracePeriod: number;
  readonly hostUsers: boolean;
}

/** The faults of the containers that make up a pod. */
export function validateContainers(
  containers: readonly core.Container[] | undefined,
  place: FieldPath,
  around: ContainerSurroundings,
): Errors {
  if (!containers || containers.length === 0) return [field.required(place)];
  const names = new Set<string>();
  const errors = eachAt(containers, place, (container, here) => {
    const faults: FieldError[] = [...validateCommon(container, here, around)];
    if (names.has(container.name)) faults.push(field.duplicate(here.child("name"), container.name));
    names.add(container.name);
    faults.push(...validateLifecycle(container.lifecycle, here.child("lifecycle"), around.gracePeriod));
    faults.push(...validateProbes(container, here, around.gracePeriod));
    faults.push(...validateRestart(container, here));
    return faults;
  });
  return [...errors, ...hostPortConflicts(containers, place)];
}

/** The faults of the containers that run before the others; `taken` are the names of those. */
export function validateInitContainers(
  containers: readonly core.Container[] | undefined,
  place: FieldPath,
  around: ContainerSurroundings & { readonly regular: readonly core.Container[] },
): Errors {
  if (!containers?.length) return [];
  const names = new Set(around.regular.map(({ name }) => name));
  return eachAt(containers, place, (container, here) => {
    const faults: FieldError[] = [...validateCommon(container, here, around)];
    if (names.has(container.name)) faults.push(field.duplicate(here.child("name"), container.name));
    else if (container.name) names.add(container.name);
    faults.push(...hostPortConflicts([container], place));
    faults.push(...validateRestart(container, here));
    if (isSidecar(container)) {
      faults.push(...validateLifecycle(container.lifecycle, here.child("lifecycle"), around.gracePeriod));
      faults.push(...validateProbes(container, here, around.gracePeriod));
      return faults;
    }
    for (const name of ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] as const) {
      if (container[name] === undefined) continue;
      const detail = "may not be set for init containers without restartPolicy=Always";
      faults.push(field.forbidden(here.child(name), detail));
    }
    return faults;
  });
}

const ephemeralMembers = new Set([
  "name",
  "image",
  "command",
  "args",
  "workingDir",
  "env",
  "envFrom",
  "volumeMounts",
  "volumeDevices",
  "terminationMessagePath",
  "terminationMessagePolicy",
  "imagePullPolicy",
  "securityContext",
  "stdin",
  "stdinOnce",
  "tty",
  "targetContainerName",
]);

/** The faults of containers that were added to a running pod. */
export function validateEphemeralContainers(
  containers: readonly core.EphemeralContainer[] | undefined,
  place: FieldPath,
  around: ContainerSurroundings & { readonly others: readonly core.Container[] },
): Errors {
  if (!containers?.length) return [];
  const others = new Set(around.others.map(({ name }) => name));
  const names = new Set(others);
  return eachAt(containers, place, (container, here) => {
    const faults: FieldError[] = [...validateCommon(container, here, around)];
    if (names.has(container.name)) faults.push(field.duplicate(here.child("name"), container.name));
    names.add(container.name);
    if (container.targetContainerName && !others.has(container.targetContainerName)) {
      faults.push(field.notFound(here.child("targetContainerName"), container.targetContainerName));
    }
    for (const [name, value] of Object.entries(container)) {
      const empty = typeof value === "object" && value !== null && Object.keys(value).length === 0;
      if (ephemeralMembers.has(name) || empty || value === undefined || value === null) continue;
      faults.push(field.forbidden(here.child(name), "cannot be set for an Ephemeral Container"));
    }
    for (const [index, { subPath, subPathExpr }] of (container.volumeMounts ?? []).entries()) {
      const mount = here.child("volumeMounts").index(index);
      if (subPath) faults.push(field.forbidden(mount.child("subPath"), "cannot be set for an Ephemeral Container"));
      if (subPathExpr) {
        faults.push(field.forbidden(mount.child("subPathExpr"), "cannot be set for an Ephemeral Container"));
      }
    }
    return faults;
  });
}

function validateCommon(container: core.Container, place: FieldPath, around: ContainerSurroundings): Errors {
  const { name, image } = container;
  const errors: FieldError[] = [...requiredNamed(place.child("name"), name, dnsLabel)];
  if (!image) errors.push(field.required(place.child("image")));
  else if (image.trim() !== image) {
    errors.push(field.invalid(place.child("image"), image, "must not have leading or trailing whitespace"));
  }
  errors.push(...validateMessagePolicy(container.terminationMessagePolicy, place.child("terminationMessagePolicy")));
  errors.push(...validatePorts(container.ports, place.child("ports")));
  errors.push(...validateEnv(container.env, place.child("env")));
  errors.push(...validateEnvFrom(container.envFrom, place.child("envFrom")));
  errors.push(...validateMounts(container, place, around.volumes));
  const policies = ["Always", "IfNotPresent", "Never"];
  errors.push(...requiredOneOf(place.child("imagePullPolicy"), container.imagePullPolicy, policies));
  errors.push(...validateRequirements(container.resources, place.child("resources"), around));
  errors.push(...validateResizePolicy(container.resizePolicy, place.child("resizePolicy"), around.restartPolicy));
  errors.push(...validateSecurityContext(container.securityContext, place.child("securityContext"), around));
  return errors;
}

function validateMessagePolicy(policy: string | undefined, place: FieldPath): Errors {
  if (!policy) return [field.required(place)];
  if (policy === "File" || policy === "FallbackToLogsOnError") return [];
  return [field.invalid(place, policy, "must be 'File' or 'FallbackToLogsOnError'")];
}

function validatePorts(ports: readonly core.ContainerPort[] | undefined, place: FieldPath): Errors {
  if (!ports?.length) return [];
  const names = new Set<string>();
  return eachAt(ports, place, ({ name, containerPort, hostPort, protocol }, here) => {
    const errors: FieldError[] = [];
    if (name) {
      const faults = named(here.child("name"), name, portName);
      if (faults.length > 0) errors.push(...faults);
      else if (names.has(name)) errors.push(field.duplicate(here.child("name"), name));
      else names.add(name);
    }
    const range = (at: FieldPath, port: number) => portNumber(port).map((detail) => field.invalid(at, port, detail));
    if (!containerPort) errors.push(field.required(here.child("containerPort")));
    else errors.push(...range(here.child("containerPort"), containerPort));
    if (hostPort) errors.push(...range(here.child("hostPort"), hostPort));
    errors.push(...requiredOneOf(here.child("protocol"), protocol, ["SCTP", "TCP", "UDP"]));
    return errors;
  });
}

function validateRestart(container: core.Container, place: FieldPath): Errors {
  const { restartPolicy, restartPolicyRules = [] } = container;
  const policies = ["Always", "Never", "OnFailure"];
  const errors: FieldError[] = [];
  if (restartPolicy !== undefined && !policies.includes(restartPolicy)) {
    errors.push(field.notSupported(place.child("restartPolicy"), restartPolicy, policies));
  }
  if (restartPolicyRules.length === 0) return errors;
  const here = place.child("restartPolicyRules");
  if (!restartPolicy) {
    errors.push(field.required(place.child("restartPolicy"), "must specify restartPolicy when restart rules are used"));
  }
  if (restartPolicyRules.length > 20) errors.push(field.tooLong(here, 20));
  return [
    ...errors,
    ...eachAt(restartPolicyRules, here, ({ action, exitCodes }, at) => [
      ...requiredOneOf(at.child("action"), action, ["Restart"]),
      ...(exitCodes
        ? requiredOneOf(at.child("exitCodes", "operator"), exitCodes.operator, ["In", "NotIn"])
        : [field.required(at.child("exitCodes"), "must be specified")]),
    ]),
  ];
}

function hostPortConflicts(containers: readonly core.Container[], place: FieldPath): Errors {
  const taken = new Set<string>();
  return eachAt(containers, place, ({ ports }, here) =>
    eachAt(ports, here.child("ports"), ({ hostPort, hostIP = "", protocol }, at) => {
      if (!hostPort) return [];
      const key = `${protocol ?? ""}/${hostIP}/${hostPort}`;
      if (taken.has(key)) return [field.duplicate(at.child("hostPort"), key)];
      taken.add(key);
      return [];
    }),
  );
}
