import { type FieldPath, field, path } from "../../machinery/fields.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, nonNegative, oneOf, requiredOneOf } from "../checks.ts";
import { ageColumn, nameColumn, text } from "../columns.ts";
import { change, fill, fillEmpty } from "../fill.ts";
import type * as flowcontrol from "../generated/flowcontrol-v1.ts";
import { defineKind } from "../kind.ts";
import { levelMappings } from "./level-versions.ts";

export type PriorityLevelConfiguration = flowcontrol.PriorityLevelConfiguration;

const spec = path("spec");

/** How much of the server's concurrency a class of requests gets. */
export const PriorityLevelConfiguration = defineKind<flowcontrol.PriorityLevelConfiguration>({
  type: "flowcontrol/v1.PriorityLevelConfiguration",
  plural: "prioritylevelconfigurations",
  scope: "Cluster",
  subresources: ["status"],
  defaults: (level) =>
    change(level, {
      spec: (given) =>
        change(given, {
          limited: (limited) =>
            change(fill(limited, { nominalConcurrencyShares: 30, lendablePercent: 0 }), {
              limitResponse: (response) =>
                change(response, {
                  queuing: (queuing) => fillEmpty(queuing, { queues: 64, handSize: 8, queueLengthLimit: 50 }),
                }),
            }),
          exempt: (exempt) => fill(exempt, { nominalConcurrencyShares: 0, lendablePercent: 0 }),
        }),
    }),
  validate: (level) => validateLevel(level.spec),
  columns: [
    nameColumn,
    text("Type", (level) => level.spec?.type ?? ""),
    text("NominalConcurrencyShares", ({ spec: given }) => {
      const shares = given?.limited?.nominalConcurrencyShares ?? given?.exempt?.nominalConcurrencyShares;
      return shares === undefined ? "<none>" : shares;
    }),
    text("Queues", (level) => queuing(level)?.queues ?? "<none>"),
    text("HandSize", (level) => queuing(level)?.handSize ?? "<none>"),
    text("QueueLengthLimit", (level) => queuing(level)?.queueLengthLimit ?? "<none>"),
    ageColumn,
  ],
  versions: levelMappings,
});

function queuing({
  spec: given,
}: flowcontrol.PriorityLevelConfiguration): flowcontrol.QueuingConfiguration | undefined {
  return given?.limited?.limitResponse?.queuing;
}

function validateLevel(given: flowcontrol.PriorityLevelConfigurationSpec | undefined): Errors {
  const errors: FieldError[] = [...requiredOneOf(spec.child("type"), given?.type, ["Exempt", "Limited"])];
  const { type, limited, exempt } = given ?? {};
  if (type === "Exempt" && limited) {
    errors.push(field.forbidden(spec.child("limited"), "must be nil if the type is not Limited"));
  }
  if (type !== "Limited") return errors;
  if (exempt) errors.push(field.forbidden(spec.child("exempt"), "must be nil if the type is Limited"));
  const place = spec.child("limited");
  if (!limited) return [...errors, field.required(place, "must not be empty when type is Limited")];
  errors.push(...nonNegative(place.child("nominalConcurrencyShares"), limited.nominalConcurrencyShares));
  const { lendablePercent: lendable, limitResponse } = limited;
  if (lendable !== undefined && (lendable < 0 || lendable > 100)) {
    errors.push(field.invalid(place.child("lendablePercent"), lendable, "must be between 0 and 100, inclusive"));
  }
  errors.push(...nonNegative(place.child("borrowingLimitPercent"), limited.borrowingLimitPercent));
  return [...errors, ...validateResponse(limitResponse, place.child("limitResponse"))];
}

function validateResponse(response: flowcontrol.LimitResponse | undefined, place: FieldPath): Errors {
  const errors: FieldError[] = [...oneOf(place.child("type"), response?.type ?? "", ["Queue", "Reject"])];
  const queues = response?.queuing;
  const here = place.child("queuing");
  if (response?.type === "Reject" && queues) {
    errors.push(field.forbidden(here, "must be nil if limited.limitResponse.type is not Limited"));
  }
  if (response?.type !== "Queue") return errors;
  if (!queues) return [...errors, field.required(here, "must not be empty if limited.limitResponse.type is Limited")];
  for (const name of ["queueLengthLimit", "queues", "handSize"] as const) {
    if (!((queues[name] ?? 0) > 0)) errors.push(field.invalid(here.child(name), queues[name] ?? 0, "must be positive"));
  }
  if ((queues.handSize ?? 0) > (queues.queues ?? 0)) {
    const detail = `should not be greater than queues (${queues.queues ?? 0})`;
    errors.push(field.invalid(here.child("handSize"), queues.handSize, detail));
  }
  return errors;
}
