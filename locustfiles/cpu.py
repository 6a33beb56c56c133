"""A visitor: has the picture rendered, and looks at its size, its sky and its sphere."""

import struct
import zlib

from locust import between, task

from gatebench.load.user import FastUser, Page

SIZE = (64, 48)
PIXELS = {(0, 0): (197, 217, 255), (32, 20): (158, 84, 99)}
"""(x, y) -> red, green and blue: a corner of the sky, and the middle sphere."""


class Visitor(FastUser):
    wait_time = between(1, 2)

    @task
    def picture(self) -> None:
        self.get(f"/picture/{self.views}/", name="picture", expect=is_scene)


def is_scene(page: Page) -> bool:
    """The file is one header, one chunk of data and an end, and its rows have no filters."""
    if page.status != 200 or page.body[:8] != b"\x89PNG\r\n\x1a\n":
        return False
    (length,) = struct.unpack(">I", page.body[33:37])
    rows = zlib.decompress(page.body[41 : 41 + length])
    return struct.unpack(">II", page.body[16:24]) == SIZE and all(
        pixel(rows, *place) == colour for place, colour in PIXELS.items()
    )


def pixel(rows: bytes, x: int, y: int) -> tuple[int, ...]:
    start = y * (1 + 3 * SIZE[0]) + 1 + 3 * x
    return tuple(rows[start : start + 3])
