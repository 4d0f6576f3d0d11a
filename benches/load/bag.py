"""A rosbag2 folder (sqlite3) of raw images at any rate, written with the standard library alone."""

import sqlite3
import struct
from pathlib import Path

TOPIC = "/camera/image_raw"
KIND = "sensor_msgs/msg/Image"
START = 1_700_000_000_000_000_000

METADATA = """rosbag2_bagfile_information:
  version: 5
  storage_identifier: sqlite3
  duration:
    nanoseconds: {duration}
  starting_time:
    nanoseconds_since_epoch: {start}
  message_count: {count}
  topics_with_message_count:
{topics}
  compression_format: ""
  compression_mode: ""
  relative_file_paths:
    - bag_0.db3
  files:
    - path: bag_0.db3
      starting_time:
        nanoseconds_since_epoch: {start}
      duration:
        nanoseconds: {duration}
      message_count: {count}
"""

ENTRY = """    - topic_metadata:
        name: {topic}
        type: sensor_msgs/msg/Image
        serialization_format: cdr
        offered_qos_profiles: ""
      message_count: {count}"""


def stamped(message, nanos):
    """An image message with another stamp."""
    return message[:4] + struct.pack("<iI", nanos // 1_000_000_000, nanos % 1_000_000_000) + message[12:]


def image(width, height, seed):
    """A bgr8 image with soft blocks, as a CDR message."""
    rows = bytearray()
    for y in range(height):
        row = bytes((x // 40 * 37 + y // 40 * 23 + seed * 11 + channel * 50) % 256 for x in range(width) for channel in range(3))
        rows += row
    return b"\x00\x01\x00\x00" + struct.pack("<iI", 0, 0) + text("lens", 8) + after(width, height, bytes(rows))


def text(word, at):
    """A CDR string, padded to four bytes; `at` is where it begins behind the encapsulation."""
    raw = struct.pack("<I", len(word) + 1) + word.encode() + b"\0"
    return raw + b"\0" * (-(at + len(raw)) % 4)


def after(width, height, pixels):
    """What follows the header: it begins at a multiple of four."""
    encoding = struct.pack("<I", 5) + b"bgr8\0"
    # is_bigendian stands right behind the encoding; step is aligned again.
    head = struct.pack("<II", height, width) + encoding + b"\0"
    head += b"\0" * (-len(head) % 4)
    return head + struct.pack("<II", 3 * width, len(pixels)) + pixels


def pictures(source, size):
    """The image messages of a sqlite3 bag, or drawn ones where there is none."""
    if source is None:
        return [image(*size, seed) for seed in range(4)]
    file = next(Path(source).glob("*.db3"))
    rows = sqlite3.connect(f"file:{file}?mode=ro", uri=True).execute(
        "select data from messages join topics on topics.id = topic_id where type = ? order by messages.id", (KIND,)
    )
    return [row[0] for row in rows]


def write(folder, messages, frames, hz, topics=(TOPIC,)):
    """Writes `frames` frames for each topic, which take turns."""
    folder.mkdir(parents=True)
    base = sqlite3.connect(folder / "bag_0.db3")
    base.executescript(
        "create table topics(id integer primary key, name text not null, type text not null,"
        " serialization_format text not null, offered_qos_profiles text not null);"
        "create table messages(id integer primary key, topic_id integer not null, timestamp integer not null,"
        " data blob not null);"
        "create index timestamp_idx on messages (timestamp asc);"
    )
    base.executemany("insert into topics values (?, ?, ?, 'cdr', '')", [(i + 1, topic, KIND) for i, topic in enumerate(topics)])
    step = 1e9 / hz / len(topics)
    times = [START + round(turn * step) for turn in range(frames * len(topics))]
    rows = (
        (turn % len(topics) + 1, at, stamped(messages[turn // len(topics) % len(messages)], at))
        for turn, at in enumerate(times)
    )
    base.executemany("insert into messages (topic_id, timestamp, data) values (?, ?, ?)", rows)
    base.commit()
    base.close()
    entries = "\n".join(ENTRY.format(topic=topic, count=frames) for topic in topics)
    filled = METADATA.format(duration=times[-1] - START, start=START, count=len(times), topics=entries)
    (folder / "metadata.yaml").write_text(filled)
    return times
