import { Fault } from "../../lib/fault.ts";

/** What systemd must know to keep a cluster running. */
export interface ServiceWishes {
  readonly name: string;
  /** The runtime and the program, absolute. */
  readonly node: string;
  readonly program: string;
  /** What `navarch up` is told beside the name. */
  readonly args: readonly string[];
  /** Whose kubeconfig gets the context. */
  readonly home: string;
  /** Variables that say where data is kept, if they are set: `NAVARCH_DATA`, `KUBECONFIG`. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Seconds without a sign of health after which systemd starts the cluster anew. */
export const watchdogSeconds = 60;

/** The unit's name: `navarch-shop.service`. */
export const unitName = (name: string): string => `navarch-${name}.service`;

/** The text of a systemd unit that runs `navarch up`, restarts it when it fails or falls silent, and starts it at boot. What `navarch down` ends stays ended until then. */
export function unitText({ name, node, program, args, home, environment }: ServiceWishes): string {
  const command = [node, program, "up", "--yes", "--name", name, ...args].map(quoted).join(" ");
  const variables = Object.entries({ HOME: home, ...environment }).map(
    ([key, value]) => `Environment=${quoted(`${key}=${value}`)}`,
  );
  return `[Unit]
Description=Navarch cluster ${name}
After=network-online.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=all
${variables.join("\n")}
ExecStart=${command}
Restart=on-failure
RestartSec=5
WatchdogSec=${watchdogSeconds}
TimeoutStartSec=600
TimeoutStopSec=120
KillMode=mixed
Delegate=yes
LimitNOFILE=1048576
TasksMax=infinity

[Install]
WantedBy=multi-user.target
`;
}

/** A word as systemd reads it: specifiers and variables are taken literally. */
function quoted(word: string): string {
  if (/[\n\r\0]/.test(word)) throw new Fault("invalid", `${JSON.stringify(word)} has a line break`);
  const literal = word.replace(/\\/g, "\\\\").replace(/%/g, "%%").replace(/\$/g, "$$$$");
  return /^[\w@%+=:,./$-]+$/.test(literal) ? literal : `"${literal.replace(/"/g, '\\"')}"`;
}
