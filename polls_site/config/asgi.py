"""
ASGI config for config project.

It exposes the ASGI callable as a module-level variable named ``application``.

For more information on this file, see
https://docs.djangoproject.com/en/5.2/howto/deployment/asgi/
"""

import os

from django.core.asgi import get_asgi_application

from . import environment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_asgi_application()

if environment.flag("POLLS_SOCKETS", default=False):  # after Django: what follows needs its apps
    from channels.routing import ProtocolTypeRouter, URLRouter

    from live.sockets import urlpatterns

    application = ProtocolTypeRouter({"http": application, "websocket": URLRouter(urlpatterns)})
