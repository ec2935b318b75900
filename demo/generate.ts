// Draws frames of the demo's street with their exact truth, for training and for looking at.
//   node demo/generate.ts --seeds 1000-1129 --frames 20 --step 1.3 > street.bin
// Standard output: per frame one JSON line (width, height, seed, timeS, objects), then the 4:2:0 planes, Y U V.
import { writeSync } from "node:fs";
import { parseArgs } from "node:util";
import { createRandom } from "../src/sources/scene/random.ts";
import { Scene } from "../src/sources/scene/scene.ts";
import { isExpected } from "../src/sources/scene/truth.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000-1129" },
    frames: { type: "string", default: "20" },
    step: { type: "string", default: "1.3" },
    size: { type: "string", default: "960x540" },
  },
});
const [firstSeed = 0, lastSeed = firstSeed] = values.seeds.split("-").map(Number);
const [width = 0, height = 0] = values.size.split("x").map(Number);

for (let seed = firstSeed; seed <= lastSeed; seed++) {
  const random = createRandom(seed, 99);
  // Every seed is another street at another time of day.
  const scene = new Scene({ seed, width, height, dayS: 240, startPhase: random.next() });
  for (let i = 0, timeS = random.between(0, 10); i < Number(values.frames); i++, timeS += Number(values.step) * random.between(0.8, 1.2)) {
    const { picture, truth } = scene.draw(timeS);
    const objects = truth.objects.map((object) => ({ label: object.label, box: object.box, expected: isExpected(object, height) }));
    write(Buffer.from(`${JSON.stringify({ width, height, seed, timeS, objects })}\n`));
    for (const { data } of picture.planes) {
      write(data);
    }
  }
}

/** Writes everything, waiting for a pipe that is full: this program has nothing else to do. */
function write(data: Uint8Array): void {
  for (let at = 0; at < data.length; ) {
    try {
      at += writeSync(1, data, at);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") {
        throw error;
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
}
