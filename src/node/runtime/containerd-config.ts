/** What a node's private containerd is told. */
export interface ContainerdSettings {
  /** Images and containers: what must survive a reboot. */
  readonly root: string;
  /** Sockets, mounts and namespaces: what must not. */
  readonly state: string;
  readonly socket: string;
  /** The image of the process that holds a pod's namespaces. */
  readonly sandboxImage: string;
  readonly cniBinDir: string;
  readonly cniConfDir: string;
  /** A folder of `<host>/hosts.toml` files; see containerd's registry configuration. */
  readonly registryConfigPath?: string;
  /** True where the node may not lower anybody's oom_score_adj (no CAP_SYS_RESOURCE). */
  readonly restrictOomScoreAdj: boolean;
  /** True where systemd owns the control groups. */
  readonly systemdCgroup: boolean;
  readonly snapshotter: string;
  /** The OCI runtime's program, found on the PATH; `runc` when absent. */
  readonly ociRuntime?: string;
  /** Runtime handlers besides `runc`, by the name that a RuntimeClass gives; each is an OCI runtime's program. */
  readonly handlers?: Readonly<Record<string, { readonly program: string }>>;
  readonly logLevel: "debug" | "info" | "warn" | "error";
}

/** Writes containerd's configuration file (version 2, understood since 1.3). */
export function containerdConfig(settings: ContainerdSettings): string {
  const cri = "io.containerd.grpc.v1.cri";
  const handlers = { runc: { program: settings.ociRuntime ?? "runc" }, ...settings.handlers };
  return toml([
    [
      "",
      {
        version: 2,
        root: settings.root,
        state: settings.state,
        // Programs that a private containerd has no use for, or that write outside of root and state.
        disabled_plugins: [
          "io.containerd.internal.v1.opt",
          "io.containerd.internal.v1.restart",
          "io.containerd.snapshotter.v1.aufs",
          "io.containerd.snapshotter.v1.btrfs",
          "io.containerd.snapshotter.v1.devmapper",
          "io.containerd.snapshotter.v1.zfs",
          "io.containerd.tracing.processor.v1.otlp",
          "io.containerd.internal.v1.tracing",
        ],
      },
    ],
    ["grpc", { address: settings.socket }],
    ["debug", { level: settings.logLevel }],
    [
      `plugins."${cri}"`,
      {
        sandbox_image: settings.sandboxImage,
        restrict_oom_score_adj: settings.restrictOomScoreAdj,
        disable_tcp_service: true,
        stream_server_address: "127.0.0.1",
        stream_server_port: "0",
        // As later releases have it by default: pods may bind low ports and ping without privileges.
        enable_unprivileged_ports: true,
        enable_unprivileged_icmp: true,
        // Otherwise they would be shared with every other containerd of the machine.
        netns_mounts_under_state_dir: true,
        tolerate_missing_hugetlb_controller: true,
        max_concurrent_downloads: 3,
      },
    ],
    [`plugins."${cri}".cni`, { bin_dir: settings.cniBinDir, conf_dir: settings.cniConfDir, max_conf_num: 1 }],
    [`plugins."${cri}".containerd`, { snapshotter: settings.snapshotter, default_runtime_name: "runc" }],
    ...Object.entries(handlers).flatMap(([name, { program }]): Section[] => [
      [`plugins."${cri}".containerd.runtimes.${JSON.stringify(name)}`, { runtime_type: "io.containerd.runc.v2" }],
      [
        `plugins."${cri}".containerd.runtimes.${JSON.stringify(name)}.options`,
        {
          BinaryName: program,
          // The default is one directory for all of the machine.
          Root: `${settings.state}/oci-${name}`,
          SystemdCgroup: settings.systemdCgroup,
        },
      ],
    ]),
    ...(settings.registryConfigPath
      ? ([[`plugins."${cri}".registry`, { config_path: settings.registryConfigPath }]] satisfies Section[])
      : []),
  ]);
}

type Section = readonly [name: string, values: Readonly<Record<string, string | number | boolean | readonly string[]>>];

/** A JSON string is a TOML basic string, and a JSON array of strings a TOML array. */
function toml(sections: readonly Section[]): string {
  const written = sections.map(([name, values]) => {
    const lines = Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
    return [...(name ? [`[${name}]`] : []), ...lines, ""].join("\n");
  });
  return written.join("\n");
}

/** Whether a process with these capabilities (the `CapEff` line of /proc/<pid>/status) may lower oom_score_adj. */
export function hasSysResource(status: string): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  return mask !== undefined && (BigInt(`0x${mask}`) >> 24n) % 2n === 1n;
}
