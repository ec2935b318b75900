import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { needsPrograms } from "../../test/support/programs.ts";
import { formFields } from "./form-data.ts";
import { labelsOf } from "./model-archive.ts";
import { pictureSize } from "./picture-size.ts";
import { ZipArchive } from "./zip-archive.ts";

for (const [format, codec] of [["jpeg", "mjpeg"], ["png", "png"]] as const) {
  test(`the size of ffmpeg's ${format} is read from its header`, needsPrograms("ffmpeg"), () => {
    const bytes = execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc=size=322x178", "-frames:v", "1", "-c:v", codec, "-f", "image2pipe", "-"]);
    assert.deepEqual(pictureSize(bytes), { format, width: 322, height: 178 });
    assert.equal(pictureSize(bytes.subarray(0, 8)), undefined);
  });
}

test("property: no bytes make it throw or hang", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      for (const start of [[], [0xff, 0xd8, 0xff]]) {
        pictureSize(Uint8Array.from([...start, ...bytes]));
      }
    }),
  );
});

test("forms: fields by name; what does not end is refused", () => {
  const body = Buffer.from('--b\r\nContent-Disposition: form-data; name="data"; filename="x"\r\n\r\n\x00--bits\r\n--b\r\nContent-Disposition: form-data; name="k"\r\n\r\n5\r\n--b--\r\n');
  const fields = formFields(body, "multipart/form-data; boundary=b");
  assert.deepEqual([...fields].map(([name, value]) => [name, value.toString()]), [["data", "\0--bits"], ["k", "5"]]);
  assert.throws(() => formFields(body.subarray(0, 60), "multipart/form-data; boundary=b"), { kind: "invalid" });
  assert.throws(() => formFields(body, "multipart/form-data"), { kind: "invalid", message: /expected a boundary/ });
});

test("labels: lists count by their last name, gaps keep their number", () => {
  assert.deepEqual(labelsOf("x.mar", Buffer.from('{"0":["n0","tench"],"2":"shark"}')), ["tench", "1", "shark"]);
  assert.deepEqual(labelsOf("x.mar", Buffer.from('{"object_type_names":["a","b"]}')), ["a", "b"]);
  assert.throws(() => labelsOf("x.mar", Buffer.from("[1]")), { code: "E_ARCHIVE" });
});

test("archives: entries of Python's zipfile are read, bombs and damage refused", needsPrograms("python3"), () => {
  const script = "import zipfile,sys,io\nb=io.BytesIO()\nz=zipfile.ZipFile(b,'w',zipfile.ZIP_DEFLATED)\nz.writestr('a.txt','hello '*100)\nz.writestr('../b','x')\nz.close()\nsys.stdout.buffer.write(b.getvalue())";
  const bytes = execFileSync("/usr/bin/python3", ["-c", script]);
  const archive = new ZipArchive("x.mar", bytes);
  assert.deepEqual(archive.names, ["a.txt", "../b"]);
  assert.equal(archive.read("a.txt", 1000)?.toString(), "hello ".repeat(100));
  assert.equal(archive.read("absent", 1000), undefined);
  assert.throws(() => archive.read("a.txt", 100), { code: "E_ARCHIVE", message: /at most 100 bytes, got 600/ });
  assert.throws(() => new ZipArchive("x.mar", bytes.subarray(0, 40)), { code: "E_ARCHIVE", message: /expected a ZIP archive/ });
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
      const damaged = Buffer.from(bytes);
      damaged[at] = value;
      try {
        const other = new ZipArchive("x.mar", damaged);
        other.names.forEach((name) => other.read(name, 10_000));
      } catch (error) {
        assert.equal((error as { code?: string }).code, "E_ARCHIVE");
      }
    }),
  );
});
