/** An H.264 profile, as `profile-level-id` (RFC 6184 §8.1) and the SPS name it. */
export type H264Profile = "constrained-baseline" | "baseline" | "main" | "extended" | "constrained-high" | "high" | "high-10" | "high-4:2:2" | "high-4:4:4";

/**
 * What a decoder of each profile can decode (H.264 annex A: each profile says which others its decoders take). Encoders
 * do not use what Baseline has beyond Constrained Baseline, so the two count as one.
 */
const DECODES: Readonly<Record<H264Profile, readonly H264Profile[]>> = {
  "constrained-baseline": ["constrained-baseline", "baseline"],
  baseline: ["constrained-baseline", "baseline"],
  extended: ["constrained-baseline", "baseline", "extended"],
  main: ["constrained-baseline", "baseline", "main"],
  "constrained-high": ["constrained-baseline", "baseline", "constrained-high"],
  high: ["constrained-baseline", "baseline", "main", "constrained-high", "high"],
  "high-10": ["constrained-baseline", "baseline", "main", "constrained-high", "high", "high-10"],
  "high-4:2:2": ["constrained-baseline", "baseline", "main", "constrained-high", "high", "high-10", "high-4:2:2"],
  "high-4:4:4": ["constrained-baseline", "baseline", "main", "constrained-high", "high", "high-10", "high-4:2:2", "high-4:4:4"],
};

/** The profile of profile_idc and the constraint flags after it. Undefined for profiles that no browser names. */
export function profileOf(profileIdc: number, constraints: number): H264Profile | undefined {
  const isSet = (flag: number): boolean => (constraints & (0x80 >> flag)) !== 0;
  switch (profileIdc) {
    case 66:
      return isSet(1) ? "constrained-baseline" : "baseline";
    case 77:
      return isSet(0) ? "constrained-baseline" : "main";
    case 88:
      return "extended";
    case 100:
      return isSet(4) && isSet(5) ? "constrained-high" : "high";
    case 110:
      return "high-10";
    case 122:
      return "high-4:2:2";
    case 244:
      return "high-4:4:4";
    default:
      return undefined;
  }
}

/** The profile behind six hexadecimal digits. Without them Baseline is meant (RFC 6184 §8.1). */
export function profileOfParameter(profileLevelId: string | undefined): H264Profile | undefined {
  const digits = profileLevelId ?? "42000a";
  return /^[0-9a-f]{6}$/i.test(digits) ? profileOf(Number.parseInt(digits.slice(0, 2), 16), Number.parseInt(digits.slice(2, 4), 16)) : undefined;
}

/** Whether a decoder that was offered for one profile takes a stream of another. */
export function canDecode(offered: H264Profile, stream: H264Profile): boolean {
  return DECODES[offered].includes(stream);
}
