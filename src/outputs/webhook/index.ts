import { z } from "zod";
import { defineOutput } from "../../contracts/kinds.ts";
import { Secret } from "../../domain/secret.ts";
import { deliverySettings, eventOutput, parseEventAddress, readCa, secretText } from "../event-settings.ts";
import { WebhookDestination } from "./webhook-destination.ts";

const schema = z.strictObject({
  kind: z.literal("webhook"),
  url: z.string().regex(/^https?:\/\//i, "expected http://… or https://…").describe("Who receives the events; user:password@ is sent as HTTP Basic"),
  secret: secretText.optional().describe("Signs every request (Standard Webhooks, HMAC-SHA256); VEDETTE_WEBHOOK_SECRET when left out"),
  headers: z.record(z.string().regex(/^[\w-]+$/), secretText).default({}).describe("Sent with every request, never to another host"),
  timeoutMs: z.int().min(100).default(10_000).describe("For one request, answer included"),
  maxRedirects: z.int().min(0).max(10).default(3).describe("Redirects to follow (301, 302, 307, 308), with the same request"),
  allowPrivateRedirects: z.boolean().default(false).describe("Follow redirects to addresses that are not public"),
  ...deliverySettings,
});

/** `webhook+https://HOST/PATH`: every event as a signed POST. */
export const webhookOutput = defineOutput({
  kind: "webhook",
  schema,
  addresses: ["webhook+https://HOST/PATH"],
  fromAddress: (address) => (/^webhook\+https?:\/\//i.test(address) ? { kind: "webhook" as const, url: address.slice("webhook+".length) } : undefined),
  create: (config, context) => {
    const { url, user, password } = parseEventAddress(config.url);
    const fromEnvironment = process.env["VEDETTE_WEBHOOK_SECRET"];
    const secret = config.secret ?? (fromEnvironment === undefined || fromEnvironment === "" ? undefined : new Secret(fromEnvironment));
    const { headers, timeoutMs, maxRedirects, allowPrivateRedirects } = config;
    const credentials = user === undefined && password === undefined ? undefined : new Secret(`${user ?? ""}:${password?.reveal() ?? ""}`);
    const ca = readCa(config.tlsCa, context);
    return eventOutput(config, context, () => new WebhookDestination({ url, credentials, secret, headers, timeoutMs, maxRedirects, allowPrivateRedirects, ca, clock: context.clock }));
  },
});
