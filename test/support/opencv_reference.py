#!/usr/bin/python3
"""What OpenCV makes of a picture and a network: the independent reference for tasks, and for whole runs.

Reads one job a line (JSON) from stdin and answers with one line each on stdout. Every number here was written down from the
models' own descriptions; nothing is taken from the program under test. Needs python3-opencv (4.6) and numpy only.

prepare  {"do": "prepare", "profile": P, "model": FILE, "picture": FILE, "frame": N?, "dir": FOLDER}
         Scales the picture as the profile says. Writes FOLDER/pixels.u8 (packed RGB, or GRAY) and FOLDER/tensor.raw (the
         network's whole input). Answers geometry (source = input * scale + offset), the tensor's shape and type, and,
         where OpenCV's DNN module can load the network, "expected": its results in source pixels.
decode   {"do": "decode", "profile": P, "dir": FOLDER, "geometry": G, "outputs": [{"name", "shape", "type", "file"}]}
         Answers "expected" for raw outputs that another runtime computed from tensor.raw.
nms      {"do": "nms", "boxes": [[x1, y1, x2, y2]…], "scores": […], "classes": […], "score": S, "iou": T}
         Answers which boxes OpenCV keeps, class by class, strongest first.
"""
import json
import os
import sys

import cv2
import numpy as np

cv2.setNumThreads(1)

IMAGENET_TF = dict(task="classify", size=None, layout="NHWC", order="RGB", fit="crop", scale=1 / 127.5, mean=[1, 1, 1], decode="softmax")
PROFILES = {
    "yolox": dict(size=(416, 416), layout="NCHW", order="BGR", fit="topleft", pad=114, decode="yolox", threshold=0.35, iou=0.45),
    "ultraface": dict(size=(320, 240), layout="NCHW", order="RGB", fit="stretch", mean=[127] * 3, std=[128] * 3, decode="ultraface", threshold=0.7, iou=0.3),
    "yunet-320": dict(size=(320, 320), layout="NCHW", order="BGR", fit="topleft", pad=0, decode="yunet", threshold=0.6, iou=0.3),
    "yunet-640": dict(size=(640, 640), layout="NCHW", order="BGR", fit="topleft", pad=0, decode="yunet", threshold=0.6, iou=0.3),
    "tflite-ssd": dict(size=(300, 300), layout="NHWC", order="RGB", fit="stretch", dtype="uint8", decode="tflite", threshold=0.5),
    "mobilenet-224": dict(IMAGENET_TF, size=(224, 224)),
    "mobilenet-224-u8": dict(IMAGENET_TF, size=(224, 224), scale=1, mean=[0] * 3, dtype="uint8"),
    "mobilenet-128-u8": dict(IMAGENET_TF, size=(128, 128), scale=1, mean=[0] * 3, dtype="uint8"),
    "squeezenet": dict(size=(224, 224), layout="NCHW", order="BGR", fit="crop", mean=[104, 117, 123], decode="softmax"),
    "squeezenet-f16": dict(size=(224, 224), layout="NCHW", order="BGR", fit="crop", mean=[104, 117, 123], dtype="float16", decode="softmax"),
    "vww": dict(size=(96, 96), layout="NHWC", order="RGB", fit="stretch", scale=1 / 255, decode="softmax"),
    "mnist": dict(size=(28, 28), layout="NCHW", order="GRAY", fit="center", pad=0, decode="logits"),
    "deeplab": dict(size=(257, 257), layout="NHWC", order="RGB", fit="stretch", scale=1 / 127.5, mean=[1] * 3, decode="argmax"),
    "deeplab-u8": dict(size=(513, 513), layout="NHWC", order="RGB", fit="stretch", dtype="uint8", decode="classmap"),
    "selfie": dict(size=(256, 144), layout="NHWC", order="RGB", fit="stretch", scale=1 / 255, decode="matte"),
    "movenet": dict(size=(192, 192), layout="NHWC", order="RGB", fit="center", pad=0, dtype="uint8", decode="movenet"),
    "reid": dict(size=(128, 256), layout="NHWC", order="BGR", fit="stretch", decode="embed"),
    "candy": dict(size=(720, 720), layout="NCHW", order="BGR", fit="stretch", decode="image"),
}


def load(job):
    if "frame" in job:
        clip = cv2.VideoCapture(job["picture"])
        for _ in range(job["frame"] + 1):
            ok, picture = clip.read()
            assert ok, "the clip ends before that frame"
        return picture
    # As cameras see it: the Exif rotation is applied by imread.
    return cv2.imread(job["picture"], cv2.IMREAD_COLOR)


def place(picture, profile):
    """The picture at the network's size (BGR), and where it lies: source = input * scale + offset."""
    h, w = picture.shape[:2]
    W, H = profile["size"]
    fit = profile["fit"]
    if fit == "stretch":
        return cv2.resize(picture, (W, H), interpolation=cv2.INTER_LINEAR), [w / W, h / H, 0.0, 0.0]
    if fit == "crop":
        side_w, side_h = (h * W / H, h) if w / h > W / H else (w, w * H / W)
        x, y = int(round((w - side_w) / 2)), int(round((h - side_h) / 2))
        cut = picture[y:y + int(round(side_h)), x:x + int(round(side_w))]
        return cv2.resize(cut, (W, H), interpolation=cv2.INTER_AREA), [side_w / W, side_h / H, x, y]
    ratio = min(W / w, H / h)
    nw, nh = int(round(w * ratio)), int(round(h * ratio))
    canvas = np.full((H, W, 3), profile.get("pad", 0), np.uint8)
    x, y = ((W - nw) // 2, (H - nh) // 2) if fit == "center" else (0, 0)
    canvas[y:y + nh, x:x + nw] = cv2.resize(picture, (nw, nh), interpolation=cv2.INTER_LINEAR)
    return canvas, [w / nw, h / nh, -x * w / nw, -y * h / nh]


def tensor_of(scaled, profile):
    order = profile["order"]
    if order == "GRAY":
        data = cv2.cvtColor(scaled, cv2.COLOR_BGR2GRAY)[:, :, None]
    else:
        data = scaled if order == "BGR" else scaled[:, :, ::-1]
    dtype = profile.get("dtype", "float32")
    if dtype != "uint8":
        c = data.shape[2]
        mean = np.array(profile.get("mean", [0] * 3), np.float32)[:c]
        std = np.array(profile.get("std", [1] * 3), np.float32)[:c]
        data = (data.astype(np.float32) * np.float32(profile.get("scale", 1)) - mean) / std
    if profile["layout"] == "NCHW":
        data = data.transpose(2, 0, 1)
    return np.ascontiguousarray(data[None].astype(dtype))


def keep(boxes, scores, classes, threshold, iou):
    """OpenCV's non-maximum suppression, one class at a time; strongest first."""
    kept = []
    for c in np.unique(classes):
        of = np.flatnonzero(classes == c)
        rects = [[float(x1), float(y1), float(x2 - x1), float(y2 - y1)] for x1, y1, x2, y2 in boxes[of]]
        got = cv2.dnn.NMSBoxes(rects, [float(s) for s in scores[of]], threshold, iou)
        kept += [int(of[i]) for i in np.array(got).reshape(-1)]
    return sorted(kept, key=lambda i: -scores[i])


def to_source(box, g, size):
    sx, sy, ox, oy = g
    x1, y1, x2, y2 = box[0] * sx + ox, box[1] * sy + oy, box[2] * sx + ox, box[3] * sy + oy
    return [max(0.0, float(x1)), max(0.0, float(y1)), min(float(size[0]), float(x2)), min(float(size[1]), float(y2))]


def detections(boxes, scores, classes, profile, g, size, points=None):
    if len(boxes) == 0:
        return []
    order = keep(boxes, scores, classes, profile["threshold"], profile["iou"]) if "iou" in profile else np.argsort(-scores)
    found = []
    for i in order:
        found.append(dict(classId=int(classes[i]), score=float(scores[i]), box=to_source(boxes[i], g, size)))
        if points is not None:
            found[-1]["points"] = [[float(x) * g[0] + g[2], float(y) * g[1] + g[3]] for x, y in points[i]]
    return found


def decode_yolox(out, profile, g, size):
    raw = out["output"][0]
    W, H = profile["size"]
    grids, strides = [], []
    for s in (8, 16, 32):
        ys, xs = np.meshgrid(np.arange(H // s), np.arange(W // s), indexing="ij")
        grids.append(np.stack([xs.ravel(), ys.ravel()], 1))
        strides.append(np.full((xs.size, 1), s))
    grid, stride = np.concatenate(grids), np.concatenate(strides)
    centre, extent = (raw[:, :2] + grid) * stride, np.exp(raw[:, 2:4]) * stride
    every = raw[:, 4:5] * raw[:, 5:]
    classes, scores = every.argmax(1), every.max(1)
    on = scores >= profile["threshold"]
    boxes = np.concatenate([centre - extent / 2, centre + extent / 2], 1)
    return dict(detections=detections(boxes[on], scores[on], classes[on], profile, g, size))


def decode_ultraface(out, profile, g, size):
    W, H = profile["size"]
    scores = out["scores"][0][:, 1]
    on = scores >= profile["threshold"]
    return dict(detections=detections(out["boxes"][0][on] * [W, H, W, H], scores[on], np.zeros(int(on.sum()), int), profile, g, size))


def decode_yunet(out, profile, g, size):
    W, H = profile["size"]
    boxes, scores, points = [], [], []
    for s in (8, 16, 32):
        cls, obj, bbox, kps = (out[f"{part}_{s}"].reshape(-1, n) for part, n in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)))
        score = np.sqrt(np.clip(cls[:, 0], 0, 1) * np.clip(obj[:, 0], 0, 1))
        for i in np.flatnonzero(score >= profile["threshold"]):
            row, col = divmod(int(i), W // s)
            cx, cy = (col + bbox[i, 0]) * s, (row + bbox[i, 1]) * s
            w, h = np.exp(bbox[i, 2]) * s, np.exp(bbox[i, 3]) * s
            boxes.append([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2])
            scores.append(score[i])
            points.append([[(col + kps[i, 2 * k]) * s, (row + kps[i, 2 * k + 1]) * s] for k in range(5)])
    return dict(detections=detections(np.array(boxes), np.array(scores), np.zeros(len(scores), int), profile, g, size, points))


def decode_tflite(out, profile, g, size):
    W, H = profile["size"]
    boxes, classes, scores, count = list(out.values())
    n = int(count.ravel()[0])
    boxes, classes, scores = boxes[0][:n], classes[0][:n].astype(int), scores[0][:n]
    on = scores >= profile["threshold"]
    corners = boxes[on][:, [1, 0, 3, 2]] * [W, H, W, H]
    return dict(detections=detections(corners, scores[on], classes[on], profile, g, size))


def decode_classes(out, softmax, dtype):
    raw = next(iter(out.values())).astype(np.float64).ravel()
    if softmax:
        raw = np.exp(raw - raw.max())
        raw /= raw.sum()
    elif dtype == np.uint8:
        raw = raw / 256
    top = np.argsort(-raw, kind="stable")[:5]
    return dict(classes=[dict(classId=int(i), score=float(raw[i])) for i in top])


def decode_map(classmap, folder):
    classmap.astype(np.uint8).tofile(os.path.join(folder, "mask.u8"))
    ids, counts = np.unique(classmap, return_counts=True)
    return dict(segments=[dict(classId=int(i), area=float(n / classmap.size)) for i, n in zip(ids, counts)], maskShape=list(classmap.shape))


def decode_movenet(out, profile, g):
    W, H = profile["size"]
    points = next(iter(out.values()))[0, 0]
    return dict(keypoints=[dict(x=float(x) * W * g[0] + g[2], y=float(y) * H * g[1] + g[3], score=float(s)) for y, x, s in points])


def decode_image(out, folder):
    rgb = np.clip(np.rint(next(iter(out.values()))[0].transpose(1, 2, 0)[:, :, ::-1]), 0, 255).astype(np.uint8)
    np.ascontiguousarray(rgb).tofile(os.path.join(folder, "image.u8"))
    return dict(imageShape=list(rgb.shape))


def decode(out, profile, geometry, folder):
    g, size = geometry["map"], geometry["source"]
    first = next(iter(out.values()))
    how = profile["decode"]
    if how == "yolox":
        return decode_yolox({"output": first}, profile, g, size)
    if how == "ultraface":
        return decode_ultraface(out, profile, g, size)
    if how == "yunet":
        return decode_yunet(out, profile, g, size)
    if how == "tflite":
        return decode_tflite(out, profile, g, size)
    if how in ("softmax", "logits"):
        return decode_classes(out, how == "logits", first.dtype)
    if how == "argmax":
        return decode_map(first[0].argmax(-1), folder)
    if how == "classmap":
        return decode_map(first[0], folder)
    if how == "matte":
        matte = first[0, :, :, 0]
        np.clip(np.rint(matte * 255), 0, 255).astype(np.uint8).tofile(os.path.join(folder, "mask.u8"))
        return dict(segments=[dict(classId=0, area=float((matte > 0.5).mean()))], maskShape=list(matte.shape))
    if how == "movenet":
        return decode_movenet(out, profile, g)
    if how == "embed":
        vector = first.ravel().astype(np.float64)
        return dict(embedding=[float(v) for v in vector / np.linalg.norm(vector)])
    return decode_image(out, folder)


NETWORKS = {}


def network(path):
    """None where OpenCV 4.6 does not know an operator: the caller then computes the outputs and asks for "decode"."""
    if path not in NETWORKS:
        try:
            NETWORKS[path] = cv2.dnn.readNetFromONNX(path)
        except cv2.error:
            NETWORKS[path] = None
    return NETWORKS[path]


def prepare(job):
    profile = PROFILES[job["profile"]]
    os.makedirs(job["dir"], exist_ok=True)
    picture = load(job)
    scaled, placed = place(picture, profile)
    pixels = cv2.cvtColor(scaled, cv2.COLOR_BGR2GRAY if profile["order"] == "GRAY" else cv2.COLOR_BGR2RGB)
    pixels.tofile(os.path.join(job["dir"], "pixels.u8"))
    tensor = tensor_of(scaled, profile)
    tensor.tofile(os.path.join(job["dir"], "tensor.raw"))
    geometry = dict(map=placed, source=[picture.shape[1], picture.shape[0]], input=list(profile["size"]))
    answer = dict(geometry=geometry, shape=list(tensor.shape), type=str(tensor.dtype))
    net = network(job["model"]) if tensor.dtype == np.float32 else None
    if net is not None:
        net.setInput(tensor)
        names = net.getUnconnectedOutLayersNames()
        outputs = dict(zip(names, net.forward(names)))
        answer["expected"] = decode(outputs, profile, geometry, job["dir"])
    return answer


def decode_job(job):
    out = {}
    for o in job["outputs"]:
        raw = np.fromfile(os.path.join(job["dir"], o["file"]), o["type"])
        out[o["name"]] = raw.reshape(o["shape"]).astype(np.float32) if o["type"] == "float16" else raw.reshape(o["shape"])
    return dict(expected=decode(out, PROFILES[job["profile"]], job["geometry"], job["dir"]))


def nms(job):
    boxes, scores, classes = (np.array(job[k]) for k in ("boxes", "scores", "classes"))
    return dict(kept=keep(boxes, scores, classes, job["score"], job["iou"]))


JOBS = dict(prepare=prepare, decode=decode_job, nms=nms)
for line in sys.stdin:
    job = json.loads(line)
    print(json.dumps(JOBS[job["do"]](job)), flush=True)
