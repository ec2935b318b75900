import { RequestError } from "./request-error.ts";

const MOST_FIELDS = 64;

/** The fields of a `multipart/form-data` body (RFC 7578) by name: views of the body. Throws `invalid`. */
export function formFields(body: Buffer, contentType: string): ReadonlyMap<string, Buffer> {
  const [, quoted, plain] = /boundary=(?:"([^"]{1,70})"|([^\s;]{1,70}))/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) {
    throw new RequestError("invalid", "expected a boundary in the form's content type, got none");
  }
  const fields = new Map<string, Buffer>();
  const mark = Buffer.from(`--${boundary}`);
  let at = body.indexOf(mark);
  while (at >= 0) {
    const start = at + mark.length;
    if (body.subarray(start, start + 2).equals(Buffer.from("--"))) {
      return fields;
    }
    const next = body.indexOf(Buffer.concat([Buffer.from("\r\n"), mark]), start);
    const headEnd = body.indexOf("\r\n\r\n", start);
    if (next < 0 || headEnd < 0 || headEnd > next || fields.size >= MOST_FIELDS) {
      break;
    }
    const name = /name="([^"]*)"/.exec(body.subarray(start, headEnd).toString())?.[1];
    if (name !== undefined) {
      fields.set(name, body.subarray(headEnd + 4, next));
    }
    at = next + 2;
  }
  throw new RequestError("invalid", `expected a form that ends with --${boundary.slice(0, 20)}--, got one that does not`);
}
