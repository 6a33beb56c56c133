"""A PNG of 8-bit RGB, with the standard library alone."""

import struct
import zlib


def png(width, height, pixels):
    """The file's bytes. `pixels` are rows of (red, green, blue), each from 0 to 255."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    # Each row begins with the number of its filter: 0, none.
    rows = b"".join(b"\0" + bytes(value for pixel in row for value in pixel) for row in pixels)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
