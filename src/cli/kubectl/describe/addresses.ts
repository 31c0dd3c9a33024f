import type { IPAddress, ServiceCIDR } from "../../../api/generated/networking-v1.ts";
import { datedConditions } from "./conditions.ts";
import { defineDescriber } from "./describer.ts";
import { marks } from "./metadata.ts";
import { indent, row } from "./text.ts";

/** `kubectl describe servicecidr` */
export const serviceCIDR = defineDescriber<ServiceCIDR>("v1", (range) => {
  const conditions = datedConditions(range.status?.conditions);
  return [
    row("Name", range.metadata.name),
    marks(range),
    row("CIDRs", (range.spec?.cidrs ?? []).join(", ")),
    conditions && ["Status:", conditions],
  ];
});

/** `kubectl describe ipaddress` */
export const ipAddress = defineDescriber<IPAddress>("v1", (address) => {
  const parent = address.spec?.parentRef;
  return [
    row("Name", address.metadata.name),
    marks(address),
    parent && [
      "Parent Reference:",
      indent(
        1,
        row("Group", parent.group),
        row("Resource", parent.resource),
        row("Namespace", parent.namespace),
        row("Name", parent.name),
      ),
    ],
  ];
});
