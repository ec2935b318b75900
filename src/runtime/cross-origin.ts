import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * Lets pages of the configured origins use what is here (Fetch standard, CORS protocol). True when the request was a
 * preflight, which is answered then: it carries no credentials and asks for nothing yet.
 */
export function allowOrigin(request: IncomingMessage, response: ServerResponse, origins: readonly string[]): boolean {
  const { origin } = request.headers;
  if (origin === undefined || !origins.includes(origin)) {
    return false;
  }
  response.setHeader("Access-Control-Allow-Origin", origin);
  response.setHeader("Vary", "Origin");
  response.setHeader("Access-Control-Expose-Headers", "Location, ETag, Link, Accept-Patch, Accept-Post");
  if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) {
    return false;
  }
  response.setHeader("Access-Control-Allow-Methods", "GET, HEAD, POST, PATCH, DELETE, OPTIONS");
  response.setHeader("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match");
  response.setHeader("Access-Control-Max-Age", "600");
  response.statusCode = 204;
  response.end();
  return true;
}
