import { createdAtColumn, nameColumn } from "../columns.ts";
import { change, fill, fillEmpty, printedAbsent } from "../fill.ts";
import type * as apiextensions from "../generated/apiextensions-v1.ts";
import { defineKind } from "../kind.ts";
import { webhookClientDefaults } from "../webhook-client.ts";
import { definitionMappings } from "./definition-versions.ts";
import { validateDefinition, validateDefinitionUpdate, validateStored } from "./validate-definition.ts";

export type CustomResourceDefinition = apiextensions.CustomResourceDefinition;

/** Adds a kind of the user's own to the API. */
export const CustomResourceDefinition = defineKind<apiextensions.CustomResourceDefinition>({
  type: "apiextensions/v1.CustomResourceDefinition",
  plural: "customresourcedefinitions",
  shortNames: ["crd", "crds"],
  categories: ["api-extensions"],
  scope: "Cluster",
  subresources: ["status"],
  unconditionalUpdate: false,
  defaults: (definition) =>
    change(fill(definition, { spec: {} as apiextensions.CustomResourceDefinitionSpec }), { spec: withDefaults }),
  prepareCreate: (definition) => {
    const stored = storageVersions(definition);
    const storedVersions = stored.length > 0 ? stored : printedAbsent;
    return {
      ...definition,
      status: { conditions: printedAbsent, acceptedNames: { plural: "", kind: "" }, storedVersions },
    };
  },
  prepareUpdate: (next, previous) => {
    const stored = previous.status?.storedVersions ?? [];
    const added = storageVersions(next).filter((version) => !stored.includes(version));
    return { ...next, status: { ...previous.status, storedVersions: [...stored, ...added] } };
  },
  validate: validateDefinition,
  validateUpdate: validateDefinitionUpdate,
  validateStatus: ({ spec, status }) => validateStored(spec.versions ?? [], status?.storedVersions ?? []),
  columns: [nameColumn, createdAtColumn],
  versions: definitionMappings,
});

function withDefaults(given: apiextensions.CustomResourceDefinitionSpec): apiextensions.CustomResourceDefinitionSpec {
  const filled = change(fill(given, { conversion: { strategy: "None" } }), {
    names: (names) =>
      names.kind ? fillEmpty(names, { singular: names.kind.toLowerCase(), listKind: `${names.kind}List` }) : names,
    conversion: (conversion) =>
      change(fillEmpty(conversion, { strategy: "None" }), {
        webhook: (webhook) =>
          change(webhook, {
            clientConfig: (client) => webhookClientDefaults<apiextensions.WebhookClientConfig>(client),
          }),
      }),
  });
  return filled;
}

function storageVersions({ spec }: apiextensions.CustomResourceDefinition): readonly string[] {
  const version = spec?.versions?.find(({ storage }) => storage);
  return version ? [version.name] : [];
}
