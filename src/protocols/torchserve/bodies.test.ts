import assert from "node:assert/strict";
import test from "node:test";
import { decodeBatchAnswer, decodeClientBatch, encodeClasses, encodeClientBatch, encodeError, errorMessage, findingOf } from "./bodies.ts";

test("a client batch is one object, keys counting from 0, values base64", () => {
  const jpegs = [Buffer.from("ffd8ffe0", "hex"), Buffer.from("ffd8ffe1", "hex")];
  assert.equal(encodeClientBatch(jpegs), '{"0":"/9j/4A==","1":"/9j/4Q=="}');
  assert.deepEqual(decodeClientBatch(JSON.parse(encodeClientBatch(jpegs))), jpegs);
  assert.equal(decodeClientBatch({ data: [1, 2] }), undefined);
  assert.equal(decodeClientBatch([]), undefined);
  assert.equal(decodeClientBatch({}), undefined);
});

test("errors have code, type and message", () => {
  assert.deepEqual(JSON.parse(encodeError(404, "Model not found: foo", "ModelNotFoundException")), { code: 404, type: "ModelNotFoundException", message: "Model not found: foo" });
  assert.equal(errorMessage(encodeError(503, "busy")), "busy");
  assert.equal(errorMessage("<html>bad gateway</html>"), "<html>bad gateway</html>");
});

test("labels with probabilities are classes, best first, in the handler's own form", () => {
  const finding = findingOf({ tiger: 0.3, tabby: 0.5186409950256348, dog: 0.01 }, ["tabby", "tiger"], 0.1);
  assert.deepEqual(finding, {
    classes: [
      { label: "tabby", classId: 0, score: 0.5186409950256348 },
      { label: "tiger", classId: 1, score: 0.3 },
    ],
  });
  assert.equal(encodeClasses(finding.classes.slice(0, 1)), '{\n  "tabby": 0.5186409950256348\n}');
});

test("object_detector lists are detections; an empty list is a frame without objects", () => {
  assert.deepEqual(findingOf([{ person: [1, 2, 3, 4], score: 0.9 }, { car: [0, 0, 1, 1], score: 0.2 }], ["person"], 0.5), {
    detections: [{ label: "person", classId: 0, score: 0.9, box: [1, 2, 3, 4] }],
  });
  assert.deepEqual(findingOf([], [], 0.5), { detections: [] });
});

test("anything else is kept as it came", () => {
  for (const answer of ["text", 5, { a: "b" }, [{ person: [1, 2, 3], score: 0.9 }], [1, 2], { a: 17 }]) {
    assert.deepEqual(findingOf(answer, [], 0), { data: answer });
  }
});

test("an answer to a batch has one row for each picture", () => {
  assert.deepEqual(decodeBatchAnswer([1, 2], 2), [1, 2]);
  assert.throws(() => decodeBatchAnswer([1], 2), { code: "E_WIRE", message: /expected a list of 2, one for each picture, got a list of 1/ });
  assert.throws(() => decodeBatchAnswer({ a: 1 }, 2), { message: /got object/ });
});
