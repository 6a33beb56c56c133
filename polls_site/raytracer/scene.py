"""A ray-traced scene in pure Python: three spheres and a light above a chequered floor that each sphere mirrors once.

A vector is a tuple of three floats; y points up. A ray is an origin and a direction of length 1.
"""

from math import floor, sqrt
from typing import NamedTuple

WIDTH, HEIGHT = 64, 48
EYE = (0.0, 1.0, -4.0)
LIGHT = (-4.0, 6.0, -4.0)
AMBIENT = 0.2
NEAR = 1e-4  # nearer than that is the surface that the ray comes from

Vector = tuple[float, float, float]


class Sphere(NamedTuple):
    centre: Vector
    radius: float
    colour: Vector  # red, green and blue, from 0 to 1
    mirror: float  # the share of its light that is a reflection


SPHERES = (
    Sphere((0.0, 1.0, 0.0), 1.0, (0.9, 0.2, 0.2), 0.3),
    Sphere((-1.9, 0.6, 0.6), 0.6, (0.2, 0.7, 0.3), 0.2),
    Sphere((1.7, 0.5, -0.8), 0.5, (0.2, 0.3, 0.9), 0.4),
)


def render():
    """Rows of (red, green, blue), each from 0 to 255."""
    return [[pixel(x, y) for x in range(WIDTH)] for y in range(HEIGHT)]


def pixel(x, y):
    direction = unit(((x + 0.5 - WIDTH / 2) / HEIGHT, (HEIGHT / 2 - y - 0.5) / HEIGHT, 1.0))
    return tuple(min(255, int(256 * value)) for value in seen(EYE, direction, reflections=1))


def seen(origin, direction, reflections):
    """The colour that comes along a ray."""
    sphere, distance = nearest(origin, direction)
    if sphere is None:
        return floor_or_sky(origin, direction)
    point = along(origin, direction, distance)
    normal = scaled(minus(point, sphere.centre), 1 / sphere.radius)
    colour = scaled(sphere.colour, brightness(point, normal))
    if not reflections:
        return colour
    mirrored = seen(point, minus(direction, scaled(normal, 2 * dot(direction, normal))), reflections - 1)
    return plus(scaled(colour, 1 - sphere.mirror), scaled(mirrored, sphere.mirror))


def floor_or_sky(origin, direction):
    if direction[1] >= 0:
        return mixed((1.0, 1.0, 1.0), (0.4, 0.6, 1.0), direction[1])
    point = along(origin, direction, -origin[1] / direction[1])
    light = brightness(point, (0.0, 1.0, 0.0))
    return (light, light, light) if (floor(point[0]) + floor(point[2])) % 2 else (0.1 * light, 0.1 * light, 0.1 * light)


def brightness(point, normal):
    """Of a surface, by how it faces the light; what stands between them leaves the ambient light alone."""
    to_light = minus(LIGHT, point)
    distance = sqrt(dot(to_light, to_light))
    direction = scaled(to_light, 1 / distance)
    facing = dot(normal, direction)
    if facing <= 0 or nearest(point, direction)[1] < distance:
        return AMBIENT
    return AMBIENT + (1 - AMBIENT) * facing


def nearest(origin, direction):
    """The first sphere that a ray meets, and how far it is; None and infinity where it meets none."""
    first, at = None, float("inf")
    for sphere in SPHERES:
        distance = meets(sphere, origin, direction)
        if distance < at:
            first, at = sphere, distance
    return first, at


def meets(sphere, origin, direction):
    """How far along a ray a sphere is; infinity where the ray passes it."""
    offset = minus(origin, sphere.centre)
    b = dot(offset, direction)
    root = b * b - dot(offset, offset) + sphere.radius * sphere.radius
    if root < 0:
        return float("inf")
    distance = -b - sqrt(root)
    return distance if distance > NEAR else float("inf")


def unit(a):
    return scaled(a, 1 / sqrt(dot(a, a)))


def along(origin, direction, distance):
    return plus(origin, scaled(direction, distance))


def mixed(a, b, share):
    return plus(scaled(a, 1 - share), scaled(b, share))


def dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def plus(a, b):
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def minus(a, b):
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def scaled(a, factor):
    return (a[0] * factor, a[1] * factor, a[2] * factor)
