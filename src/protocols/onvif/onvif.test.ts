import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseXml, XmlError } from "../xml/xml.ts";
import { parseProbeMatches, printable } from "./discovery.ts";
import { parseDateAndTime, parseMediaServices, parseProfiles } from "./services.ts";
import { parseSoap, passwordDigest, SoapFault } from "./soap.ts";

test("the password digest is that of ONVIF's own example", () => {
  // ONVIF Application Programmer's Guide 1.0, §6.1.1.3.
  const digest = passwordDigest({ credentials: { user: "user", password: "userpassword" }, nonce: Buffer.from("LKqI6G/AikKCQrN0zqZFlg==", "base64"), created: "2010-09-16T07:50:45Z" });
  assert.equal(digest, "tuOSpGlFlIXsozq4HFNeeGeFLEI=");
});

test("faults of SOAP 1.1 and 1.2 say why, and whether it is about who asks", () => {
  const cases = [
    [`<E><Body><Fault><Code><Value>s:Sender</Value><Subcode><Value>ter:NotAuthorized</Value></Subcode></Code><Reason><Text>no</Text></Reason></Fault></Body></E>`, "no", true],
    [`<E><Body><Fault><faultcode>wsse:FailedAuthentication</faultcode><faultstring>bad password</faultstring></Fault></Body></E>`, "bad password", true],
    [`<E><Body><Fault><Code><Value>s:Receiver</Value></Code></Fault></Body></E>`, "s:Receiver", false],
  ] as const;
  for (const [text, reason, isUnauthorized] of cases) {
    assert.throws(() => parseSoap(text), (error: unknown) => error instanceof SoapFault && error.message === reason && error.isUnauthorized === isUnauthorized);
  }
});

test("a clock that says nothing, or nonsense, is no clock", () => {
  assert.equal(parseDateAndTime(parseXml("<r><UTCDateTime/></r>")), undefined);
  assert.equal(parseDateAndTime(parseXml("<r><UTCDateTime><Date><Year>two</Year></Date></UTCDateTime></r>")), undefined);
});

test("profiles with odd numbers are kept, those without video or token are not", () => {
  const profiles = parseProfiles(parseXml(`<r><Profiles><VideoEncoderConfiguration/></Profiles><Profiles token="a"/><Profiles token="b"><VideoEncoderConfiguration><Encoding>H264</Encoding><Resolution><Width>-1</Width><Height>x</Height></Resolution></VideoEncoderConfiguration></Profiles></r>`));
  assert.deepEqual(profiles, [{ token: "b", name: "b", channel: undefined, codec: "h264", width: 0, height: 0, frameRate: 0 }]);
});

test("services are found in the answers of old and new devices", () => {
  assert.deepEqual(parseMediaServices(parseXml(`<r><Service><Namespace>http://www.onvif.org/ver20/media/wsdl</Namespace><XAddr>http://c/m2</XAddr></Service></r>`)), { 2: "http://c/m2" });
  assert.deepEqual(parseMediaServices(parseXml(`<r><Capabilities><Media><XAddr>http://c/m</XAddr></Media></Capabilities></r>`)), { 1: "http://c/m" });
});

test("names of devices cannot steer a terminal", () => {
  assert.equal(printable("\u001b[31mDoor\r\n"), "[31mDoor");
});

test("any datagram gives devices, nothing, or an XmlError", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string().map((text) => `<E><Header><RelatesTo>uuid:1</RelatesTo></Header><Body><ProbeMatches><ProbeMatch>${text}</ProbeMatch></ProbeMatches></Body></E>`)), (text) => {
      try {
        assert.deepEqual(parseProbeMatches(text, new Set(["1"])), []);
      } catch (error) {
        assert.ok(error instanceof XmlError, String(error));
      }
    }),
  );
});
