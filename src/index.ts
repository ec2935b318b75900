export { ERRORS, VedetteError } from "./errors.ts";
export type { ErrorCode, ErrorRow } from "./errors.ts";
