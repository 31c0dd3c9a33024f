import { field, path } from "../../machinery/fields.ts";
import { dnsLabel, dnsLabel1035, dnsSubdomain } from "../../machinery/names.ts";
import type { Draft } from "../../machinery/object.ts";
import type { FieldError } from "../../machinery/status-error.ts";
import { type Errors, eachAt, named } from "../checks.ts";
import { nameColumn, text } from "../columns.ts";
import type * as extensions from "../generated/extensions-v1beta1.ts";
import { defineKind } from "../kind.ts";
import { approvalAnnotation } from "./api-approval.ts";
import type { CustomResourceDefinition } from "./custom-resource-definition.ts";

export type ThirdPartyResource = extensions.ThirdPartyResource;

/** Adds a kind of the user's own to the API as one did in 2016; its definition follows from it. */
export const ThirdPartyResource = defineKind<extensions.ThirdPartyResource>({
  type: "extensions/v1beta1.ThirdPartyResource",
  plural: "thirdpartyresources",
  scope: "Cluster",
  generationOf: () => undefined,
  validate: validateThirdParty,
  columns: [
    nameColumn,
    text("Description", ({ description }) => description ?? ""),
    text("Version(s)", ({ versions }) => (versions ?? []).map(({ name }) => name).join(",")),
  ],
});

function validateThirdParty({ metadata, versions }: extensions.ThirdPartyResource): Errors {
  const errors: FieldError[] = [];
  const { word, group } = parts(metadata.name);
  const place = path("metadata", "name");
  if (!group.includes(".") || dnsSubdomain(group).length > 0 || dnsLabel(word).length > 0) {
    const form = "must be the kind in lower case, its words joined by '-', and a domain with at least one dot";
    errors.push(field.invalid(place, metadata.name, `${form}: cron-tab.stable.example.com`));
  }
  if (!versions?.length) errors.push(field.required(path("versions"), "must have at least one version"));
  return [
    ...errors,
    ...eachAt(versions, path("versions"), ({ name = "" }, here) =>
      named(here.child("name"), bareVersion(name), dnsLabel1035),
    ),
  ];
}

function parts(name: string): { readonly word: string; readonly group: string } {
  const dot = name.indexOf(".");
  return dot < 0 ? { word: name, group: "" } : { word: name.slice(0, dot), group: name.slice(dot + 1) };
}

// The documents of the time also write `stable/v1`.
const bareVersion = (name: string) => name.slice(name.lastIndexOf("/") + 1);

/** What English makes of a singular, as servers since 1.3 did. */
function englishPlural(singular: string): string {
  if (singular.endsWith("s")) return `${singular}es`;
  return singular.endsWith("y") ? `${singular.slice(0, -1)}ies` : `${singular}s`;
}

// Many of these groups are a part of kubernetes.io, where a definition must say who has approved of it.
const approval = { [approvalAnnotation]: "unapproved, a third party resource of 2016" };

/** Says of a definition which third party resource it follows from. */
export const thirdPartyAnnotation = "extensions/v1beta1-third-party-resource";

/** The definition that serves what a third party resource promises: `cron-tab.stable.example.com` is CronTab, crontabs. */
export function definitionOf({ metadata, versions }: ThirdPartyResource): Draft<CustomResourceDefinition> {
  const { word, group } = parts(metadata.name);
  const kind = word
    .split("-")
    .map((each) => each.charAt(0).toUpperCase() + each.slice(1))
    .join("");
  const singular = kind.toLowerCase();
  const plural = `${singular}s`; // 1.2 and its documents put an "s" behind everything: networkpolicys
  const later = englishPlural(singular);
  const openAPIV3Schema = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.${group}`,
      annotations: { ...approval, [thirdPartyAnnotation]: metadata.name },
      ownerReferences: [
        { apiVersion: "extensions/v1beta1", kind: "ThirdPartyResource", name: metadata.name, uid: metadata.uid },
      ],
    },
    spec: {
      group,
      scope: "Namespaced",
      names: {
        plural,
        singular,
        kind,
        listKind: `${kind}List`,
        ...(later === plural ? {} : { shortNames: [later] }),
      },
      versions: [...new Set(versions?.map(({ name = "" }) => bareVersion(name)))].map((name, index) => ({
        name,
        served: true,
        storage: index === 0,
        schema: { openAPIV3Schema },
      })),
    },
  };
}
