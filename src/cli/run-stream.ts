import { LiveLine, summaryText } from "./live-line.ts";
import { INTERRUPTED, onInterrupt } from "./interrupt.ts";
import { createHost } from "./host-options.ts";
import type { CommonFlags } from "./host-options.ts";
import type { StreamRequest } from "../daemon/stream-request.ts";

/** Runs one stream in the foreground: a live line while it runs, a summary at the end, finished outputs on Ctrl-C. */
export async function runStream(name: string, flags: CommonFlags & { readonly json?: boolean }, request: StreamRequest): Promise<void> {
  using interrupt = onInterrupt();
  const isQuiet = flags.quiet === true || flags.json === true;
  await using host = createHost(flags);
  const stream = await host.prepare(name, request, interrupt.signal);
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const startCpuS = (userCPUTime + systemCPUTime) / 1e6;
  const live = isQuiet ? undefined : new LiveLine(() => [stream.snapshot()]);
  live?.note(host.describe(name));
  try {
    await stream.run(interrupt.signal);
  } finally {
    live?.[Symbol.dispose]();
    const snapshot = stream.snapshot();
    if (flags.json === true) {
      process.stderr.write(`${JSON.stringify({ summary: { ...snapshot, process: processUse(startCpuS) } })}\n`);
    } else if (!isQuiet) {
      process.stderr.write(`${summaryText(snapshot)}\n`);
    }
  }
  if (interrupt.signal.aborted) {
    process.exitCode = INTERRUPTED;
  }
}

/** What this process has used: seconds of processor time (and of those, before the stream began), largest memory, age. */
function processUse(startCpuS: number): { cpuS: number; startCpuS: number; peakMemoryMb: number; uptimeS: number } {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { cpuS: (userCPUTime + systemCPUTime) / 1e6, startCpuS, peakMemoryMb: maxRSS / 1024, uptimeS: process.uptime() };
}
