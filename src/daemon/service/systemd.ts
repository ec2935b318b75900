import type { ServiceAction, ServiceSettings, ServiceStep } from "./settings.ts";

/** What the service may not do, and the devices it may: systemd.exec(5), systemd.resource-control(5). */
const SANDBOX = `PrivateTmp=yes
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
PrivateUsers=no
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
LockPersonality=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
# V8 compiles JavaScript while it runs, so MemoryDenyWriteExecute cannot be set. /proc/cpuinfo is read to choose code
# for this processor, so ProcSubset=pid cannot be either.
# Cameras, and graphics processors.
DevicePolicy=closed
DeviceAllow=char-video4linux rw
DeviceAllow=char-media rw
DeviceAllow=char-drm rw
DeviceAllow=char-nvidia rw
DeviceAllow=char-nvidia-uvm rw
DeviceAllow=char-nvhost rw
DeviceAllow=char-nvmap rw
`;

/** The unit's text: systemd.service(5), systemd.exec(5). */
export function systemdUnit(settings: ServiceSettings): string {
  const { name, node, program, config, user, writable } = settings;
  return `[Unit]
Description=Vedette video analysis (${name})
Documentation=man:systemd.service(5)
Wants=network-online.target
After=network-online.target
# A camera or a model server that is away for hours is no reason to give up.
StartLimitIntervalSec=0

[Service]
Type=notify
# Messages come from systemd-notify, a child of the service.
NotifyAccess=all
ExecStart=${[node, program, "serve", "--config", config, "--log-format", "json", "--quiet"].map(quote).join(" ")}
WatchdogSec=60s
TimeoutStartSec=120s
TimeoutStopSec=30s
KillMode=mixed
Restart=always
RestartSec=2s
# 130: told to stop. 2: the configuration is wrong, which no restart mends.
SuccessExitStatus=130
RestartPreventExitStatus=2

User=${user}
Group=${user}
SupplementaryGroups=video render
StateDirectory=${name}
StateDirectoryMode=0750
WorkingDirectory=%S/${name}
Environment=HOME=%S/${name} VEDETTE_DATA_DIR=%S/${name} XDG_CACHE_HOME=%S/${name}/cache NODE_ENV=production
# Passwords and tokens that the configuration names as \${NAME}. Readable by root only.
EnvironmentFile=-/etc/${name}/${name}.env
LimitNOFILE=65536
UMask=0027

# Nothing of the machine but what video needs.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
${writable.map((path) => `ReadWritePaths=${quote(path)}\n`).join("")}${SANDBOX}
[Install]
WantedBy=multi-user.target
`;
}

/** The user, by sysusers.d(5). */
export function sysusers({ user, name }: ServiceSettings): string {
  return `u ${user} - "Vedette video analysis" /var/lib/${name}\n`;
}

/** One word of a command line in a unit: systemd.service(5), "Command lines"; `%` and `$` stand for themselves. */
function quote(word: string): string {
  const plain = word.replace(/%/g, "%%").replace(/\$/g, "$$$$");
  return /^[\w@%+=:,./$-]+$/.test(plain) ? plain : `"${plain.replace(/[\\"]/g, "\\$&")}"`;
}

/** What an action does on Linux. `logs` follows when asked. */
export function systemdSteps(action: ServiceAction, settings: ServiceSettings, isFollowing = false): ServiceStep[] {
  const unit = `${settings.name}.service`;
  const unitPath = `/etc/systemd/system/${unit}`;
  const usersPath = `/etc/sysusers.d/${settings.name}.conf`;
  const control = (...args: [string, ...string[]]): ServiceStep => ({ do: "run", command: ["systemctl", ...args] });
  switch (action) {
    case "install":
      return [
        { do: "write", path: usersPath, text: sysusers(settings), mode: 0o644 },
        { do: "run", command: ["systemd-sysusers", usersPath] },
        { do: "write", path: unitPath, text: systemdUnit(settings), mode: 0o644 },
        control("daemon-reload"),
        control("enable", unit),
        control("restart", unit),
      ];
    case "remove":
      // The user and its state stay: recordings and models may be there.
      return [{ do: "run", command: ["systemctl", "disable", "--now", unit], mayFail: true }, { do: "remove", path: unitPath }, control("daemon-reload")];
    case "start":
    case "stop":
    case "restart":
      return [control(action, unit)];
    case "status":
      return [control("status", "--no-pager", unit)];
    case "logs":
      return [{ do: "run", command: ["journalctl", "--no-pager", "-n", "200", "-u", unit, ...(isFollowing ? ["-f"] : [])] }];
  }
}
