"""Messages to send, and what comes back, as numpy arrays."""

import array
import struct
import zlib

import numpy as np
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

# Bytes a pixel.
ENCODINGS = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "mono8": 1, "bayer_rggb8": 1, "yuv422_yuy2": 2}

# Stamps are of another day than that of the test, so that none can be taken from a clock.
FIRST_SECOND = 1_600_000_000


def header(number, frame_id="lens"):
    """The header of the frame of this number, at 15 Hz."""
    nanos = number * 1_000_000_000 // 15
    stamp = Time(sec=FIRST_SECOND + nanos // 1_000_000_000, nanosec=nanos % 1_000_000_000)
    return Header(stamp=stamp, frame_id=frame_id)


def key(header):
    """A header as something to compare."""
    return (header.stamp.sec, header.stamp.nanosec, header.frame_id)


def pixels(size, channels, seed=0):
    """A picture with large areas and some noise: bright above, dark below."""
    width, height = size
    rows = np.linspace(230, 40, height)[:, None, None]
    noise = np.random.default_rng(seed).integers(-25, 25, (height, width, channels))
    return np.clip(rows + noise, 0, 255).astype(np.uint8)


def image(head, size=(64, 48), encoding="rgb8", seed=0):
    """A whole frame."""
    data = pixels(size, ENCODINGS[encoding], seed)
    return Image(
        header=head,
        width=size[0],
        height=size[1],
        encoding=encoding,
        step=size[0] * ENCODINGS[encoding],
        data=array.array("B", data.tobytes()),
    )


def compressed(head, size=(64, 48), seed=0):
    """The same frame as a PNG."""
    data = png(pixels(size, 3, seed))
    return CompressedImage(header=head, format="rgb8; png compressed bgr8", data=array.array("B", data))


def calibration(head, size=(64, 48)):
    """An invented camera."""
    width, height = size
    fx, fy, cx, cy = 0.9 * width, 1.1 * height, width / 2 - 1.5, height / 2 + 0.5
    return CameraInfo(
        header=head,
        width=width,
        height=height,
        distortion_model="plumb_bob",
        d=[0.1, -0.2, 0.0, 0.0, 0.0],
        k=[fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[fx, 0.0, cx, -fx * 0.1, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
    )


def plane(message):
    """The bytes of a mono8 message as a picture."""
    return np.frombuffer(bytes(message.data), np.uint8).reshape(message.height, message.width)


def from_runs(message):
    """The picture behind pairs of a class (one byte) and a run length (four, little endian)."""
    runs = np.frombuffer(bytes(message.data), np.dtype([("class", "u1"), ("length", "<i4")]))
    return np.repeat(runs["class"], runs["length"]).reshape(message.height, message.width)


def png(data):
    """An RGB picture as a PNG file."""
    height, width, _ = data.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), data.reshape(height, -1)], axis=1)

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows.tobytes())) + chunk(b"IEND", b"")


def from_png(data):
    """A gray PNG file of eight bits a pixel as a picture."""
    data, at, packed, shape = bytes(data), 8, b"", None
    while at < len(data):
        (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
            assert (depth, colour) == (8, 0), f"{depth} bits, colour type {colour}"
            shape = (height, width)
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    return unfiltered(zlib.decompress(packed), *shape)


def unfiltered(raw, height, width):
    out = np.zeros((height + 1, width + 1), np.int32)
    for y in range(height):
        kind, row = raw[y * (width + 1)], raw[y * (width + 1) + 1 : (y + 1) * (width + 1)]
        for x in range(width):
            left, above, corner = (int(v) for v in (out[y + 1, x], out[y, x + 1], out[y, x]))
            near = sorted((abs(left + above - corner - v), i, v) for i, v in enumerate((left, above, corner)))[0][2]
            guess = (0, left, above, (left + above) // 2, near)[kind]
            out[y + 1, x + 1] = (row[x] + guess) % 256
    return out[1:, 1:].astype(np.uint8)
