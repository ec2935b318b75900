"""Trains the demo's network on the drawn street and writes demo/assets/street.onnx.

    /usr/bin/python3 demo/train.py --cache /tmp/street --minutes 40

Needs Debian's python3-torch, python3-onnx, python3-numpy and python3-opencv, and Node 24 as `node` for the generator.
An anchor-free detector in the manner of YOLOX (Ge et al., 2021): three strides, a box, an objectness and a score per
class for every cell, labels assigned to cells by SimOTA. About half a million parameters, input 512x288.
"""
import argparse
import json
import math
import os
import random
import subprocess
import sys
import time

import cv2
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

LABELS = ["person", "bicycle", "vehicle"]
WIDTH, HEIGHT = 512, 288
STRIDES = (8, 16, 32)
MOST_BOXES = 64
HERE = os.path.dirname(os.path.abspath(__file__))


# ---------------------------------------------------------------- data

def frames_of(seeds, frames, step):
    """Runs the generator; gives (BGR picture at input size, labels [n, 6]: x1 y1 x2 y2 class expected)."""
    command = ["node", os.path.join(HERE, "generate.ts"), "--seeds", seeds, "--frames", str(frames), "--step", str(step)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    while True:
        line = process.stdout.readline()
        if not line:
            break
        about = json.loads(line)
        width, height = about["width"], about["height"]
        planes = process.stdout.read(width * height * 3 // 2)
        picture = cv2.cvtColor(np.frombuffer(planes, np.uint8).reshape(height * 3 // 2, width), cv2.COLOR_YUV2BGR_I420)
        scale = np.array([WIDTH / width, HEIGHT / height] * 2, np.float32)
        rows = np.zeros((MOST_BOXES, 6), np.float32)
        rows[:, 4] = -1
        for i, thing in enumerate(about["objects"][:MOST_BOXES]):
            rows[i, :4] = np.array(thing["box"], np.float32) * scale
            rows[i, 4] = LABELS.index(thing["label"])
            rows[i, 5] = thing["expected"]
        yield cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA if about["seed"] % 2 else cv2.INTER_LINEAR), rows
    if process.wait() != 0:
        sys.exit("the generator failed")


def dataset(cache, name, seeds, frames, step):
    """Frames and labels, made once and kept in the cache folder."""
    pictures_file, labels_file = (os.path.join(cache, f"{name}-{kind}.npy") for kind in ("pictures", "labels"))
    if not (os.path.exists(pictures_file) and os.path.exists(labels_file)):
        os.makedirs(cache, exist_ok=True)
        first, last = map(int, seeds.split("-"))
        count = (last - first + 1) * frames
        pictures = np.lib.format.open_memmap(pictures_file + ".part", "w+", np.uint8, (count, HEIGHT, WIDTH, 3))
        labels = np.zeros((count, MOST_BOXES, 6), np.float32)
        start = time.time()
        for i, (picture, rows) in enumerate(frames_of(seeds, frames, step)):
            pictures[i], labels[i] = picture, rows
            if i % 500 == 499:
                print(f"{name}: {i + 1}/{count} frames drawn in {time.time() - start:.0f} s", flush=True)
        pictures.flush()
        np.save(labels_file, labels)
        os.replace(pictures_file + ".part", pictures_file)
    return np.load(pictures_file, mmap_mode="r"), np.load(labels_file)


def augment(picture, rows, rng):
    """Mirrors, zooms and shifts a little, changes light, blurs now and then, adds noise."""
    rows = rows.copy()
    known = rows[:, 4] >= 0
    if rng.random() < 0.5:
        picture = picture[:, ::-1]
        rows[known, 0], rows[known, 2] = WIDTH - rows[known, 2], WIDTH - rows[known, 0]
    if rng.random() < 0.5:
        zoom = rng.uniform(0.85, 1.35)
        dx, dy = rng.uniform(min(0, 1 - zoom), max(0, 1 - zoom)) * WIDTH, rng.uniform(min(0, 1 - zoom), max(0, 1 - zoom)) * HEIGHT
        picture = cv2.warpAffine(np.ascontiguousarray(picture), np.float32([[zoom, 0, dx], [0, zoom, dy]]), (WIDTH, HEIGHT), borderValue=(114, 114, 114))
        whole = np.maximum(1e-3, (rows[:, 2] - rows[:, 0]) * (rows[:, 3] - rows[:, 1])) * zoom * zoom
        rows[:, [0, 2]] = np.clip(rows[:, [0, 2]] * zoom + dx, 0, WIDTH)
        rows[:, [1, 3]] = np.clip(rows[:, [1, 3]] * zoom + dy, 0, HEIGHT)
        wide, high = rows[:, 2] - rows[:, 0], rows[:, 3] - rows[:, 1]
        rows[(wide < 2) | (high < 2), 4] = -1
        rows[(high < 8) | (wide * high < 0.15 * whole), 5] = 0
    values = picture.astype(np.float32)
    if rng.random() < 0.7:
        values = values * rng.uniform(0.75, 1.25) + rng.uniform(-14, 14)
    if rng.random() < 0.2:
        values = cv2.GaussianBlur(values, (3, 3), rng.uniform(0.3, 0.9))
    if rng.random() < 0.2:
        values += np.random.default_rng(rng.getrandbits(32)).normal(0, rng.uniform(0.5, 4), values.shape).astype(np.float32)
    return np.clip(values, 0, 255), rows


# ---------------------------------------------------------------- network

class Conv(nn.Sequential):
    def __init__(self, a, b, size=3, stride=1, groups=1):
        super().__init__(nn.Conv2d(a, b, size, stride, size // 2, groups=groups, bias=False), nn.BatchNorm2d(b, eps=1e-3, momentum=0.03), nn.ReLU(inplace=True))


class Block(nn.Module):
    """Half the channels pass by; the others see two bottlenecks (cross stage partial)."""

    def __init__(self, a, b, depth=1, shortcut=True):
        super().__init__()
        half = b // 2
        self.one, self.two, self.join = Conv(a, half, 1), Conv(a, half, 1), Conv(b, b, 1)
        self.inner = nn.ModuleList(nn.Sequential(Conv(half, half, 1), Conv(half, half, 3)) for _ in range(depth))
        self.shortcut = shortcut

    def forward(self, x):
        y = self.one(x)
        for inner in self.inner:
            y = y + inner(y) if self.shortcut else inner(y)
        return self.join(torch.cat([y, self.two(x)], 1))


class Head(nn.Module):
    def __init__(self, width, middle=48):
        super().__init__()
        self.stem = Conv(width, middle, 1)
        self.what = nn.Sequential(Conv(middle, middle, 3, groups=middle), Conv(middle, middle, 1))
        self.where = nn.Sequential(Conv(middle, middle, 3), )
        self.label = nn.Conv2d(middle, len(LABELS), 1)
        self.box = nn.Conv2d(middle, 4, 1)
        self.thing = nn.Conv2d(middle, 1, 1)
        for layer in (self.label, self.thing):
            nn.init.constant_(layer.bias, -math.log((1 - 0.01) / 0.01))

    def forward(self, x):
        x = self.stem(x)
        where = self.where(x)
        return torch.cat([self.box(where), self.thing(where), self.label(self.what(x))], 1)


class Net(nn.Module):
    """Input [N, 3, 288, 512], BGR 0..255. Output [N, cells, 5 + classes]: raw boxes, then logits (or scores)."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(Conv(3, 16, 3, 2), Conv(16, 24, 3, 2))
        self.c2 = Block(24, 32)
        self.c3 = nn.Sequential(Conv(32, 64, 3, 2), Block(64, 64, 2))
        self.c4 = nn.Sequential(Conv(64, 96, 3, 2), Block(96, 96, 2))
        self.c5 = nn.Sequential(Conv(96, 128, 3, 2), Block(128, 128, 2))
        self.top5, self.top4 = Conv(128, 64, 1), Conv(64, 64, 1)
        self.up4, self.up3 = Block(96 + 64, 64, 1, False), Block(64 + 64, 64, 1, False)
        self.down3, self.down4 = Conv(64, 64, 3, 2), Conv(64, 64, 3, 2)
        self.out4, self.out5 = Block(64 + 64, 64, 1, False), Block(64 + 64, 96, 1, False)
        self.heads = nn.ModuleList([Head(64), Head(64), Head(96)])
        self.exporting = False

    def forward(self, x):
        x = self.c2(self.stem(x / 255.0))
        p3 = self.c3(x)
        p4 = self.c4(p3)
        t5 = self.top5(self.c5(p4))
        t4 = self.top4(self.up4(torch.cat([F.interpolate(t5, scale_factor=2, mode="nearest"), p4], 1)))
        n3 = self.up3(torch.cat([F.interpolate(t4, scale_factor=2, mode="nearest"), p3], 1))
        n4 = self.out4(torch.cat([self.down3(n3), t4], 1))
        n5 = self.out5(torch.cat([self.down4(n4), t5], 1))
        rows = torch.cat([head(n).flatten(2) for head, n in zip(self.heads, (n3, n4, n5))], 2).transpose(1, 2)
        return torch.cat([rows[..., :4], rows[..., 4:].sigmoid()], 2) if self.exporting else rows


def cells():
    """Column, row and stride of every cell, in the order of the output's rows."""
    out = []
    for stride in STRIDES:
        ys, xs = torch.meshgrid(torch.arange(HEIGHT // stride), torch.arange(WIDTH // stride), indexing="ij")
        out.append(torch.stack([xs.flatten(), ys.flatten(), torch.full((xs.numel(),), stride)], 1))
    return torch.cat(out).float()


CELLS = cells()


def decode(raw):
    centre = (raw[..., :2] + CELLS[:, :2]) * CELLS[:, 2:]
    half = raw[..., 2:4].clamp(max=5).exp() * CELLS[:, 2:] / 2
    return torch.cat([centre - half, centre + half], -1)


def iou_of(a, b):
    """[n, 4] and [m, 4] to [n, m]."""
    lt, rb = torch.maximum(a[:, None, :2], b[None, :, :2]), torch.minimum(a[:, None, 2:], b[None, :, 2:])
    inter = (rb - lt).clamp(min=0).prod(2)
    return inter / ((a[:, 2:] - a[:, :2]).prod(1)[:, None] + (b[:, 2:] - b[:, :2]).prod(1)[None] - inter + 1e-7)


def giou_loss(a, b):
    lt, rb = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    inter = (rb - lt).clamp(min=0).prod(1)
    union = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - inter + 1e-7
    around = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(1) + 1e-7
    return 1 - (inter / union - (around - union) / around)


@torch.no_grad()
def assign(raw, boxes, truth, classes):
    """SimOTA: which cells answer for which object. Gives (cells, objects, overlaps)."""
    centres = (CELLS[:, :2] + 0.5) * CELLS[:, 2:]
    middle = (truth[:, :2] + truth[:, 2:]) / 2
    offset = (centres[None] - middle[:, None]).abs().amax(2)
    inside = ((centres[None] > truth[:, None, :2]) & (centres[None] < truth[:, None, 2:])).all(2)
    close = offset < 2.5 * CELLS[None, :, 2]
    candidates = (inside | close).any(0).nonzero().squeeze(1)
    if len(candidates) == 0:
        return None
    overlap = iou_of(truth, boxes[candidates])
    score = (raw[candidates, 4:5].sigmoid() * raw[candidates, 5:].sigmoid()).sqrt()
    wanted = F.one_hot(classes, len(LABELS)).float()
    cost = F.binary_cross_entropy(score[None].expand(len(truth), -1, -1).clamp(1e-6, 1 - 1e-6), wanted[:, None].expand(-1, len(candidates), -1), reduction="none").sum(2)
    cost = cost + 3 * -(overlap + 1e-8).log() + 1e5 * ~(inside & close)[:, candidates]
    takes = overlap.topk(min(10, len(candidates)), 1)[0].sum(1).int().clamp(min=1)
    chosen = torch.zeros_like(cost, dtype=torch.bool)
    for i in range(len(truth)):
        chosen[i, cost[i].topk(min(int(takes[i]), len(candidates)), largest=False)[1]] = True
    twice = chosen.sum(0) > 1
    if twice.any():
        best = cost[:, twice].argmin(0)
        chosen[:, twice] = F.one_hot(best, len(truth)).t().bool()
    rows = chosen.any(0).nonzero().squeeze(1)
    which = chosen[:, rows].float().argmax(0)
    return candidates[rows], which, overlap[which, rows]


def loss_of(raw, labels):
    boxes = decode(raw)
    things, total_box, total_label, count = [], 0.0, 0.0, 0
    for i in range(len(raw)):
        rows = labels[i]
        known = rows[rows[:, 4] >= 0]
        wanted, unsure = known[known[:, 5] > 0], known[known[:, 5] == 0]
        target, weight = torch.zeros(len(CELLS)), torch.ones(len(CELLS))
        if len(unsure):
            # What is too small or mostly hidden: no penalty, found or not.
            centres = (CELLS[:, :2] + 0.5) * CELLS[:, 2:]
            hit = ((centres[None] > unsure[:, None, :2] - 4) & (centres[None] < unsure[:, None, 2:4] + 4)).all(2).any(0)
            weight[hit] = 0
        if len(wanted):
            found = assign(raw[i].detach(), boxes[i].detach(), wanted[:, :4], wanted[:, 4].long())
            if found is not None:
                at, which, overlap = found
                target[at], weight[at] = 1.0, 1.0
                total_box = total_box + giou_loss(boxes[i, at], wanted[which, :4]).sum()
                label = F.one_hot(wanted[which, 4].long(), len(LABELS)).float() * overlap[:, None].clamp(min=0.3)
                total_label = total_label + F.binary_cross_entropy_with_logits(raw[i, at, 5:], label, reduction="sum")
                count += len(at)
        things.append(F.binary_cross_entropy_with_logits(raw[i, :, 4], target, weight=weight, reduction="sum"))
    count = max(1, count)
    return 5 * total_box / count, torch.stack(things).sum() / count, total_label / count


# ---------------------------------------------------------------- measuring

def suppress(boxes, scores, limit=0.55):
    order, keep = scores.argsort(descending=True), []
    overlap = iou_of(boxes, boxes)
    gone = torch.zeros(len(boxes), dtype=torch.bool)
    for i in order.tolist():
        if not gone[i]:
            keep.append(i)
            gone |= overlap[i] > limit
    return keep


def average_precision(net, pictures, labels, limit=0.5):
    """AP per class with all-point interpolation, as demo/evaluate.ts counts it through Vedette's own engine."""
    net.eval()
    found, expected = [[] for _ in LABELS], [0] * len(LABELS)
    with torch.no_grad():
        for picture, rows in zip(pictures, labels):
            raw = net(torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float())[0]
            boxes, score = decode(raw), raw[:, 4:5].sigmoid() * raw[:, 5:].sigmoid()
            known = torch.from_numpy(rows[rows[:, 4] >= 0])
            for c in range(len(LABELS)):
                truth = known[known[:, 4] == c]
                expected[c] += int(truth[:, 5].sum())
                at = (score[:, c] > 0.1).nonzero().squeeze(1)
                keep = at[suppress(boxes[at], score[at, c])] if len(at) else at
                taken = set()
                for k in keep.tolist():
                    overlap = iou_of(boxes[k][None], truth[:, :4])[0] if len(truth) else torch.zeros(0)
                    for j in taken:
                        overlap[j] = 0
                    best = int(overlap.argmax()) if len(overlap) else -1
                    if best >= 0 and overlap[best] >= limit:
                        taken.add(best)
                        if truth[best, 5] > 0:
                            found[c].append((float(score[k, c]), 1))
                    else:
                        found[c].append((float(score[k, c]), 0))
    out = []
    for c in range(len(LABELS)):
        hits = np.array([hit for _, hit in sorted(found[c], reverse=True)])
        if expected[c] == 0 or len(hits) == 0:
            out.append(0.0)
            continue
        recall, precision = hits.cumsum() / expected[c], hits.cumsum() / np.arange(1, len(hits) + 1)
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        out.append(float(np.sum(np.diff(np.concatenate([[0], recall])) * precision)))
    net.train()
    return out


# ---------------------------------------------------------------- training

def export(net, file):
    net = net.eval()
    net.exporting = True
    torch.onnx.export(net, torch.zeros(1, 3, HEIGHT, WIDTH), file, opset_version=13, input_names=["images"], output_names=["output"], do_constant_folding=True)
    net.exporting = False


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--cache", required=True, help="folder for frames and checkpoints, outside the repository")
    options.add_argument("--minutes", type=float, default=40, help="how long to train")
    options.add_argument("--batch", type=int, default=16)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--rate", type=float, default=2.5e-3)
    options.add_argument("--start", help="weights to go on from (street.pt of the cache folder)")
    options.add_argument("--out", default=os.path.join(HERE, "assets", "street.onnx"))
    options = options.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(1)
    rng = random.Random(1)
    pictures, labels = dataset(options.cache, "train", "1000-1129", 20, 1.3)
    held_out, held_out_labels = dataset(options.cache, "validation", "500-511", 10, 2.3)
    net = Net()
    print(f"{sum(p.numel() for p in net.parameters()) / 1e6:.2f} M parameters, {len(pictures)} frames", flush=True)
    decayed = [p for p in net.parameters() if p.ndim > 1]
    plain = [p for p in net.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0.0}], lr=options.rate)
    # The average of the weights over time is what is kept: steadier than the last step.
    if options.start:
        net.load_state_dict(torch.load(options.start))
    average = Net()
    average.load_state_dict(net.state_dict())
    start, step, order, shown = time.time(), 0, [], time.time()
    while True:
        progress = (time.time() - start) / (options.minutes * 60)
        if progress >= 1:
            break
        rate = options.rate * min(1, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        batch = []
        while len(batch) < options.batch:
            if not order:
                order = rng.sample(range(len(pictures)), len(pictures))
            index = order.pop()
            batch.append(augment(np.array(pictures[index]), labels[index], rng))
        images = torch.from_numpy(np.stack([image for image, _ in batch])).permute(0, 3, 1, 2).contiguous()
        parts = loss_of(net(images), [torch.from_numpy(rows) for _, rows in batch])
        optimiser.zero_grad(set_to_none=True)
        sum(parts).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 10)
        optimiser.step()
        step += 1
        keep = min(0.998, (1 + step) / (10 + step))
        with torch.no_grad():
            for kept, now in zip(average.state_dict().values(), net.state_dict().values()):
                kept.mul_(keep).add_(now, alpha=1 - keep) if kept.is_floating_point() else kept.copy_(now)
        if step % 50 == 0:
            each = (time.time() - start) / step
            print(f"{time.time() - start:6.0f} s  step {step}  box {float(parts[0]):.3f}  thing {float(parts[1]):.3f}  label {float(parts[2]):.3f}  {each:.2f} s/step  {step * options.batch / len(pictures):.1f} epochs", flush=True)
        if time.time() - shown > 600:
            shown = time.time()
            values = average_precision(average, held_out[::5], held_out_labels[::5])
            print(f"{time.time() - start:6.0f} s  AP@0.5 " + "  ".join(f"{name} {value:.3f}" for name, value in zip(LABELS, values)) + f"  mean {np.mean(values):.3f}", flush=True)
            torch.save(average.state_dict(), os.path.join(options.cache, "street.pt"))
            export(average, os.path.join(options.cache, "street.onnx"))
            average.train()
    torch.save(average.state_dict(), os.path.join(options.cache, "street.pt"))
    values = average_precision(average, held_out, held_out_labels)
    print("AP@0.5 " + "  ".join(f"{name} {value:.3f}" for name, value in zip(LABELS, values)) + f"  mean {np.mean(values):.3f}", flush=True)
    os.makedirs(os.path.dirname(options.out), exist_ok=True)
    export(average, options.out)
    print(f"wrote {options.out}, {os.path.getsize(options.out) / 1e6:.2f} MB", flush=True)


if __name__ == "__main__":
    main()
