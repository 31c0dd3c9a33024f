import { isStatus } from "../../../../machinery/status-error.ts";
import { defineCommand } from "../../command.ts";
import { printFlags } from "../../flags/shared.ts";
import { CommandError } from "../../messages.ts";
import { objectPrinter } from "../../output/printer.ts";
import { alignTabs, tableTabs } from "../../output/tab-align.ts";
import type { AnyObject } from "../../resources/resource-info.ts";
import type { Session } from "../../session.ts";

interface UserInfo {
  readonly username?: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** `kubectl auth whoami` */
export const whoami = defineCommand({
  name: "whoami",
  short: "Experimental: Check self subject attributes",
  long: "Shows as whom the server knows you.",
  examples: "# My name and groups\nkubectl auth whoami\n\n# As JSON\nkubectl auth whoami -o json",
  flags: printFlags,
  async run({ session, flags }) {
    const review = await reviewOf(session);
    if (flags.output === "name") {
      session.say("selfsubjectreview.authentication.k8s.io/<unknown>"); // a review has no name
      return;
    }
    if (flags.output === "json") {
      // Of a type that the program knows, so its members are in the type's order.
      const { apiVersion, kind, metadata } = review;
      const { username, uid, groups, extra } = review.status?.userInfo ?? {};
      session.say(
        JSON.stringify(
          { kind, apiVersion, metadata, status: { userInfo: { username, uid, groups, extra } } },
          undefined,
          4,
        ),
      );
      return;
    }
    if (flags.output !== "" || flags.template !== "") {
      (await objectPrinter(session, flags)).print(review);
      return;
    }
    const { username, uid, groups = [], extra = {} } = review.status?.userInfo ?? {};
    const rows = [
      ["ATTRIBUTE", "VALUE"],
      ...(username ? [["Username", username]] : []),
      ...(uid ? [["UID", uid]] : []),
      ...(groups.length > 0 ? [["Groups", `[${groups.join(" ")}]`]] : []),
      ...Object.keys(extra)
        .sort()
        .map((key) => [`Extra: ${key}`, `[${extra[key]?.join(" ")}]`]),
    ];
    session.host.stdout.write(alignTabs(rows.map((row) => `${row.join("\t")}\n`).join(""), tableTabs));
  },
});

interface Review extends AnyObject {
  readonly status?: { readonly userInfo?: UserInfo };
}

async function reviewOf(session: Session): Promise<Review> {
  try {
    return await session.api.call<Review>({
      method: "POST",
      path: "/apis/authentication.k8s.io/v1/selfsubjectreviews",
      body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
    });
  } catch (error) {
    if (!isStatus(error, "Forbidden")) throw error;
    throw new CommandError(
      "the selfsubjectreviews API is not enabled in the cluster or you do not have permission to call it",
    );
  }
}
