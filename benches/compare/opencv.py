"""OpenCV's way from a frame to a tensor and from logits to a mask: a worker of compare.py.

`opencv.py THREADS MEAN STD`, three numbers each, joined by commas. Answers lines of JSON as the other workers do, medians in ms:
`{"tensor": ENCODING, "size": [W, H], "to": [W, H], "time": N}`: cvtColor where needed, linear resize, blobFromImage with mean and deviation of every
colour;
`{"render": [W, H], "classes": C, "grid": [w, h], "time": N}`: every class resized, then the best class of every pixel.
"""

import json
import statistics
import sys
import time

import cv2
import numpy as np

TO_RGB = {
    "nv12": cv2.COLOR_YUV2RGB_NV12,
    "yuv422": cv2.COLOR_YUV2RGB_UYVY,
    "mono8": cv2.COLOR_GRAY2RGB,
    "bayer_rggb8": cv2.COLOR_BayerBG2RGB,
}
SHAPES = {"nv12": (1.5, 1), "yuv422": (1, 2), "mono8": (1, 1), "bayer_rggb8": (1, 1)}


class Tensors:
    def __init__(self, encoding, size, to, mean, std):
        rows, samples = SHAPES.get(encoding, (1, 3))
        shape = (int(size[1] * rows), size[0], samples)
        self.frame = np.random.default_rng(0).integers(0, 256, shape, np.uint8).squeeze()
        self.code, self.size, self.to = TO_RGB.get(encoding), size, to
        blob = cv2.dnn.Image2BlobParams()
        blob.scalefactor = tuple(1 / (255 * s) for s in std)
        blob.mean = tuple(255 * m for m in mean)
        blob.swapRB = encoding == "bgr8"
        self.blob = blob

    def __call__(self):
        image = self.frame if self.code is None else cv2.cvtColor(self.frame, self.code)
        if self.size != self.to:
            image = cv2.resize(image, self.to, interpolation=cv2.INTER_LINEAR)
        return cv2.dnn.blobFromImageWithParams(image, self.blob)


class Masks:
    """Scores resized class by class, and the best class of every pixel, in three ways."""

    def __init__(self, size, classes, grid):
        self.size = size
        self.logits = np.random.default_rng(0).standard_normal((classes, grid[1], grid[0])).astype(np.float32)
        self.planes = np.empty((classes, size[1], size[0]), np.float32)

    def resize(self):
        for plane, scores in zip(self.planes, self.logits):
            cv2.resize(scores, self.size, dst=plane, interpolation=cv2.INTER_LINEAR)

    def numpy(self):
        self.resize()
        return self.planes.argmax(axis=0).astype(np.uint8)

    def reduce(self):
        self.resize()
        return cv2.reduceArgMax(self.planes, 0).astype(np.uint8)

    def running(self):
        best = cv2.resize(self.logits[0], self.size)
        mask = np.zeros(best.shape, np.uint8)
        for number, scores in enumerate(self.logits[1:], 1):
            plane = cv2.resize(scores, self.size, dst=self.planes[number])
            above = cv2.compare(plane, best, cv2.CMP_GT)
            best = cv2.max(best, plane, dst=best)
            mask[above != 0] = number
        return mask


def timed(run, times):
    took = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        took.append(1e3 * (time.perf_counter() - start))
    return statistics.median(took)


def main():
    cv2.setNumThreads(int(sys.argv[1]))
    mean, std = ([float(v) for v in text.split(",")] for text in sys.argv[2:4])
    known = {}
    for line in sys.stdin:
        request = json.loads(line)
        key = json.dumps(request)
        if "tensor" in request:
            if key not in known:
                size, to = tuple(request["size"]), tuple(request["to"])
                known[key] = Tensors(request["tensor"], size, to, mean, std)
            answer = {"tensor": timed(known[key], request["time"])}
        else:
            if key not in known:
                masks = Masks(tuple(request["render"]), request["classes"], request["grid"])
                ways = [masks.numpy, masks.reduce, masks.running]
                known[key] = min(ways, key=lambda way: timed(way, 3))
            answer = {"render": timed(known[key], request["time"]), "way": known[key].__name__}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
