import struct
import zlib

from django.test import SimpleTestCase
from django.urls import reverse

from . import scene
from .png import png


def decoded(data):
    """Width, height and rows of pixels of a PNG that has no filters."""
    width, height = struct.unpack(">II", data[16:24])
    place, packed = 8, b""
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        if data[place + 4 : place + 8] == b"IDAT":
            packed += data[place + 8 : place + 8 + length]
        place += 12 + length
    values = zlib.decompress(packed)
    rows = [values[start + 1 : start + 1 + 3 * width] for start in range(0, len(values), 1 + 3 * width)]
    return width, height, [[tuple(row[3 * x : 3 * x + 3]) for x in range(width)] for row in rows]


class Png(SimpleTestCase):
    def test_holds_what_was_put_into_it(self):
        pixels = [[(255, 0, 0), (0, 255, 0), (0, 0, 255)], [(1, 2, 3), (4, 5, 6), (7, 8, 9)]]
        self.assertEqual(decoded(png(3, 2, pixels)), (3, 2, pixels))


class Scene(SimpleTestCase):
    def test_has_sky_above_and_a_chequered_floor_below(self):
        red, green, blue = scene.pixel(0, 0)
        self.assertLess(red, green)
        self.assertLess(green, blue)
        below = {scene.pixel(x, scene.HEIGHT - 1) for x in range(scene.WIDTH)}
        self.assertTrue(all(red == green == blue for red, green, blue in below))
        self.assertGreater(max(below)[0], 5 * min(below)[0])

    def test_has_a_red_sphere_in_the_middle_that_mirrors_the_sky(self):
        red, _, blue = scene.pixel(scene.WIDTH // 2, 20)
        self.assertGreater(red, blue)
        direction = scene.unit((0.0, 0.4, 4.0))
        self.assertGreater(
            scene.seen(scene.EYE, direction, reflections=1)[2], scene.seen(scene.EYE, direction, reflections=0)[2]
        )

    def test_is_darker_where_a_sphere_is_before_the_light(self):
        up = (0.0, 1.0, 0.0)
        self.assertEqual(scene.brightness((1.0, 0.0, 1.5), up), scene.AMBIENT)
        self.assertGreater(scene.brightness((-4.0, 0.0, -4.0), up), 0.9)


class Picture(SimpleTestCase):
    """SimpleTestCase allows no query."""

    def test_is_the_scene(self):
        for view in ("raytracer:sync", "raytracer:async"):
            with self.subTest(view):
                response = self.client.get(reverse(view))
                self.assertEqual(response["Content-Type"], "image/png")
                width, height, pixels = decoded(response.content)
                self.assertEqual((width, height), (scene.WIDTH, scene.HEIGHT))
                self.assertEqual(pixels[20][32], scene.pixel(32, 20))
