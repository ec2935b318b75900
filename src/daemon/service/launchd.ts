import type { ServiceAction, ServiceSettings, ServiceStep } from "./settings.ts";

/** The daemon's property list: launchd.plist(5). It runs as the given user, and comes back when it ends. */
export function launchdPlist(settings: ServiceSettings): string {
  const { name, node, program, config, user } = settings;
  const words = [node, program, "serve", "--config", config, "--log-format", "json", "--quiet", "--data-dir", stateDir(name)];
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${text(name)}</string>
  <key>ProgramArguments</key>
  <array>
${words.map((word) => `    <string>${text(word)}</string>`).join("\n")}
  </array>
  <key>UserName</key>
  <string>${text(user)}</string>
  <key>WorkingDirectory</key>
  <string>${text(stateDir(name))}</string>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <true/>
  <key>ThrottleInterval</key>
  <integer>5</integer>
  <key>ProcessType</key>
  <string>Interactive</string>
  <key>Umask</key>
  <integer>23</integer>
  <key>StandardOutPath</key>
  <string>${text(logPath(name))}</string>
  <key>StandardErrorPath</key>
  <string>${text(logPath(name))}</string>
</dict>
</plist>
`;
}

/** What an action does on macOS. */
export function launchdSteps(action: ServiceAction, settings: ServiceSettings, isFollowing = false): ServiceStep[] {
  const { name, user } = settings;
  const plist = `/Library/LaunchDaemons/${name}.plist`;
  const target = `system/${name}`;
  const run = (...command: [string, ...string[]]): ServiceStep => ({ do: "run", command });
  const unload: ServiceStep = { do: "run", command: ["launchctl", "bootout", target], mayFail: true };
  switch (action) {
    case "install":
      return [
        run("install", "-d", "-o", user, "-m", "0750", stateDir(name)),
        run("install", "-o", user, "-m", "0640", "/dev/null", logPath(name)),
        { do: "write", path: plist, text: launchdPlist(settings), mode: 0o644 },
        unload,
        run("launchctl", "bootstrap", "system", plist),
      ];
    case "remove":
      return [unload, { do: "remove", path: plist }];
    case "start":
      return [run("launchctl", "bootstrap", "system", plist)];
    case "stop":
      return [run("launchctl", "bootout", target)];
    case "restart":
      return [run("launchctl", "kickstart", "-k", target)];
    case "status":
      return [run("launchctl", "print", target)];
    case "logs":
      return [run("tail", "-n", "200", ...(isFollowing ? ["-f"] : []), logPath(name))];
  }
}

function stateDir(name: string): string {
  return `/usr/local/var/${name}`;
}

function logPath(name: string): string {
  return `/Library/Logs/${name}.log`;
}

function text(value: string): string {
  return value.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
