// People, vehicles and bikes on a road: reads the DetectionOutput layer of OpenVINO's person-vehicle-bike-detection-2002
// and draws each kind in its own colour.
//
//   vedette run rtsp://camera/1 --model person-vehicle-bike-detection-2002.onnx --use-case examples/person-vehicle-bike.ts \
//     --to http://127.0.0.1:8080
import { box, defineUseCase, detection, relativeBox, rows, text } from "vedette";

const THRESHOLD = 0.75;
const KINDS = [
  { label: "Vehicle", color: 0x0000ff },
  { label: "Person", color: 0x00ff00 },
  { label: "Bike", color: 0xff0000 },
];

export default defineUseCase({
  // One row per object: image, class, score, and the box in 0…1 of the input. Unused rows have image -1.
  interpret([output], geometry) {
    const detections = [];
    for (const [image = -1, classId = -1, score = 0, x1 = 0, y1 = 0, x2 = 0, y2 = 0] of rows(output)) {
      const kind = KINDS[classId];
      if (image >= 0 && score >= THRESHOLD && kind !== undefined) {
        detections.push(detection(kind.label, classId, score, relativeBox(geometry, x1, y1, x2, y2)));
      }
    }
    return { detections };
  },

  draw: ({ detections = [] }) =>
    detections.flatMap(({ label, classId, box: corners }) => {
      const color = KINDS[classId]?.color ?? 0xffffff;
      return [box(corners, color), text(corners[0] - 10, corners[1] - 10, label, color)];
    }),
});
