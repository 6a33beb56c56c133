from django.apps import AppConfig


class RaytracerConfig(AppConfig):
    name = "raytracer"
