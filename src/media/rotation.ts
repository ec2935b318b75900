/**
 * Clockwise degrees (0, 90, 180, 270) of a display matrix: nine 32-bit numbers, row by row, where the first two columns
 * are 16.16 fixed point (ISO/IEC 14496-12 §8.3.2). Mirrored and slanted matrices come out as the nearest turn.
 */
export function rotationOfMatrix(matrix: Uint8Array): number {
  if (matrix.byteLength < 36) {
    return 0;
  }
  const view = new DataView(matrix.buffer, matrix.byteOffset, matrix.byteLength);
  const a = view.getInt32(0, true);
  const b = view.getInt32(4, true);
  // A matrix maps (x, y) to (ax + cy, bx + dy), y pointing down: (a, b) is where the x axis goes, clockwise seen.
  const degrees = (Math.atan2(b, a) * 180) / Math.PI;
  return (Math.round(degrees / 90) * 90 + 360) % 360;
}

/** The display matrix that turns clockwise by `degrees` (a multiple of 90): the inverse of {@link rotationOfMatrix}. */
export function matrixOfRotation(degrees: number): Uint8Array {
  const radians = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.round(Math.cos(radians)), Math.round(Math.sin(radians))];
  const view = new DataView(new ArrayBuffer(36));
  const fixed = 65_536;
  [cos * fixed, sin * fixed, 0, -sin * fixed, cos * fixed, 0, 0, 0, 2 ** 30].forEach((value, index) => {
    view.setInt32(index * 4, value, true);
  });
  return new Uint8Array(view.buffer);
}
