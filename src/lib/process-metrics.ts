import { readdirSync, readFileSync } from "node:fs";
import type { Metrics } from "./metrics.ts";

/** Tells of this process under the names that every Prometheus client has for it. */
export function addProcessMetrics(metrics: Metrics, now: () => number): void {
  const gauge = (name: string, help: string) => metrics.gauge(`process_${name}`, help);
  const cpu = metrics.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.");
  const resident = gauge("resident_memory_bytes", "Resident memory size in bytes.");
  const virtual = gauge("virtual_memory_bytes", "Virtual memory size in bytes.");
  const files = gauge("open_fds", "Number of open file descriptors.");
  const mostFiles = gauge("max_fds", "Maximum number of open file descriptors.");
  gauge("start_time_seconds", "Start time of the process since unix epoch in seconds.").set(
    Math.round(now() / 1000 - process.uptime()),
  );
  let told = 0;
  metrics.onRead(() => {
    const { user, system } = process.cpuUsage();
    const spent = (user + system) / 1e6;
    cpu.inc({}, spent - told);
    told = spent;
    resident.set(process.memoryUsage.rss());
    virtual.set(numberIn("/proc/self/status", /^VmSize:\s+(\d+) kB$/m) * 1024);
    mostFiles.set(numberIn("/proc/self/limits", /^Max open files\s+(\d+)/m));
    files.set(openFiles());
  });
}

function numberIn(file: string, pattern: RegExp): number {
  try {
    return Number(pattern.exec(readFileSync(file, "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function openFiles(): number {
  try {
    // The folder that is being read is one of them.
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    return 0;
  }
}
