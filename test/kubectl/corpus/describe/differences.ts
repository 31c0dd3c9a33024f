import type { Step } from "../../tools/story.ts";

/** Whether sources of projected volumes may be missing is told in words since 1.33; before, as an address in memory. */
export function optionalSince133(line: string): Step {
  return {
    line,
    differs: {
      why: "since 1.33 it is told in words whether a projected source is optional",
      instead: (reference) => ({
        ...reference,
        stdout: reference.stdout
          .replace(/^( +)SecretOptionalName: +0x\w+$/gm, "$1Optional:                true")
          .replace(/^( +)ConfigMapOptional: +<nil>$/gm, "$1Optional:                false"),
      }),
    },
  };
}

/** Daemon sets tell their namespace since 1.33. */
export function daemonSetsSince133(line: string): Step {
  return {
    line,
    differs: {
      why: "since 1.33 daemon sets tell their namespace",
      instead: (reference, { namespace }) => ({
        ...reference,
        stdout: reference.stdout.replace(
          /^Name:( +)agent$/gm,
          (name, blanks: string) => `${name}\nNamespace:${blanks.slice(5)}${namespace}`,
        ),
      }),
    },
  };
}

/** Services tell how traffic is spread since 1.33. */
export function trafficSince133(line: string): Step {
  return {
    line,
    differs: {
      why: "since 1.33 services tell their traffic distribution",
      instead: (reference) => ({
        ...reference,
        stdout: reference.stdout.replace(
          /^LoadBalancer Source Ranges: +.*$/gm,
          "$&\nTraffic Distribution:        PreferClose",
        ),
      }),
    },
  };
}

/** Ports tell their names since 1.34; those of a line are told here. */
export function portNamesSince134(line: string, names: Readonly<Record<string, string>>): Step {
  return {
    line,
    differs: {
      why: "since 1.34 the ports of containers tell their names",
      instead: (reference) => ({
        ...reference,
        stdout: Object.entries(names).reduce(
          (text, [port, name]) => text.replaceAll(` ${port}`, ` ${port} (${name})`),
          reference.stdout,
        ),
      }),
    },
  };
}

/** Keys of config maps and secrets come in order since 1.34; before, by chance. */
export function sortedSince134(line: string): Step {
  return {
    line,
    differs: {
      why: "since 1.34 keys are told in order",
      instead: (reference) => ({
        ...reference,
        stdout: reference.stdout.replace(/(?:^[a-z]+:\n----\n.*\n\n)+|(?:^[a-z]+: +\d+ bytes\n)+/gm, (keys) =>
          keys
            .split(/^(?=[a-z]+:(?:\n| +\d))/m)
            .sort()
            .join(""),
        ),
      }),
    },
  };
}
