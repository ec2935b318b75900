import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { at, childrenOf, descendants, escapeXml, parseXml, textAt, XmlError } from "./xml.ts";

test("elements, attributes and texts are found whatever prefixes a device uses", () => {
  const root = parseXml(`<?xml version="1.0"?><s:Envelope xmlns:s="x"><s:Body><a:Item xsi:type="RecordingServer" id="1">Gate &amp; yard</a:Item><Item/></s:Body></s:Envelope>`);
  assert.equal(root.name, "Envelope");
  assert.equal(textAt(root, "Body", "Item"), "Gate & yard");
  assert.equal(at(root, "Body", "Item")?.attributes.get("type"), "RecordingServer");
  assert.equal(childrenOf(at(root, "Body"), "Item").length, 2);
  assert.equal(descendants(root, "Item").length, 2);
});

for (const [what, text, expected] of [
  ["a document type", `<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>`, /document type/],
  ["nothing", "", /nothing/],
  ["a web page's rubbish", "404 not found", /no XML element/],
  ["a nest without end", "<a>".repeat(5000), /./],
  ["a cut document", "<a><b", /./],
] as const) {
  test(`${what} is refused`, () => {
    assert.throws(() => parseXml(text), (error: unknown) => error instanceof XmlError && expected.test(error.message));
  });
}

test("an entity of the document's own is not expanded", () => {
  assert.equal(parseXml("<a>&lol;</a>").text, "&lol;");
});

test("what was escaped reads back", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (text) => {
      const clean = text.replace(/[^\x20-\ud7ff]/g, "").trim();
      fc.pre(clean !== "");
      assert.equal(parseXml(`<a>${escapeXml(clean)}</a>`).text, clean);
    }),
  );
});

test("any text gives a document or an XmlError", () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      try {
        parseXml(`<x ${a}>${b}`);
      } catch (error) {
        assert.ok(error instanceof XmlError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
