# The plain loop that most people start with: OpenCV reads, scales and runs the network (its DNN module), one frame after
# another. Prints JSON: frames, seconds. Usage: opencv_loop.py CLIP MODEL FRAMES
import json, sys, time
import cv2, numpy as np

clip, model, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
net = cv2.dnn.readNetFromONNX(model)
video = cv2.VideoCapture(clip)
frames, start = 0, time.time()
while frames < limit:
    ok, frame = video.read()
    if not ok:
        break
    scale = min(416 / frame.shape[0], 416 / frame.shape[1])
    size = (int(frame.shape[1] * scale), int(frame.shape[0] * scale))
    canvas = np.full((416, 416, 3), 114, np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR)
    net.setInput(canvas.transpose(2, 0, 1)[None].astype(np.float32))
    net.forward()
    frames += 1
print(json.dumps({"frames": frames, "seconds": time.time() - start}))
