/** How one family of addresses is opened. */
export interface Scheme {
  /**
   * What FFmpeg may open on behalf of such an address. Never `file`, `concat` or `subfile`: a playlist from a stranger
   * must not reach what lies on this machine.
   */
  readonly protocols: readonly string[];
  /** The protocol's options that bound a wait; FFmpeg counts microseconds. */
  readonly timeouts: readonly string[];
}

const HTTP: Scheme = { protocols: ["http", "https", "httpproxy", "tcp", "tls", "crypto", "data"], timeouts: ["rw_timeout"] };
const RTMP: Scheme = { protocols: ["rtmp", "rtmps", "tcp", "tls"], timeouts: ["rw_timeout"] };

const SCHEMES: Readonly<Record<string, Scheme>> = {
  http: HTTP,
  https: HTTP,
  rtmp: RTMP,
  rtmps: RTMP,
  srt: { protocols: ["srt", "udp"], timeouts: ["timeout", "connect_timeout"] },
  udp: { protocols: ["udp"], timeouts: ["timeout"] },
};

/** How to open an address; undefined when its scheme belongs to another kind. */
export function schemeOf(url: string): Scheme | undefined {
  const name = /^([a-z]+):\/\//i.exec(url)?.[1]?.toLowerCase();
  return name !== undefined && Object.hasOwn(SCHEMES, name) ? SCHEMES[name] : undefined;
}
