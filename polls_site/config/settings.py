"""Django's settings, those of startproject; what depends on the machine comes from the environment.

| variable                | what it is                                             | default               |
|-------------------------|--------------------------------------------------------|-----------------------|
| DJANGO_SECRET_KEY       | Django's SECRET_KEY                                    | none: it must be set  |
| DJANGO_DEBUG            | 1 for development                                      | 0                     |
| DJANGO_ALLOWED_HOSTS    | host names, with commas                                | 127.0.0.1,localhost   |
| PGHOST, PGPORT, PGUSER, | the database, by libpq's own names                     | libpq's own           |
| PGPASSWORD, PGDATABASE  |                                                        | (PGDATABASE: polls)   |
| POLLS_VOTE              | atomic or read-then-save: see polls/views.py           | atomic                |
| POLLS_VIEWS             | sync or async: polls/views.py or polls/async_views.py  | sync                  |
| POLLS_BESIDE            | other apps of this project to serve, with commas       | none: the polls alone |
| SHOP_SERVICES           | where the shop's services are                          | http://127.0.0.1:8001 |
| SHOP_TIMEOUT_S          | how long each of them is waited for                    | 1                     |
| SHOP_CLIENT             | httpx, httpx2 or aiohttp: of the asynchronous views    | httpx                 |
| POLLS_DOCUMENTS         | the folder of the certificate and of what is uploaded  | documents-data        |
| POLLS_SOCKETS           | 1: the results by WebSockets too, under ASGI (live)    | 0                     |
| LIVE_HEARTBEAT_S        | how long an open stream of results may say nothing     | 5                     |
"""

from pathlib import Path

from . import environment

BASE_DIR = Path(__file__).resolve().parent.parent

SECRET_KEY = environment.secret("DJANGO_SECRET_KEY")
DEBUG = environment.flag("DJANGO_DEBUG", default=False)
ALLOWED_HOSTS = environment.names("DJANGO_ALLOWED_HOSTS", default="127.0.0.1,localhost")

VOTE = environment.choice("POLLS_VOTE", ("atomic", "read-then-save"), default="atomic")

VIEWS = environment.choice("POLLS_VIEWS", ("sync", "async"), default="sync")

APPS = sorted({path.parent.name for path in BASE_DIR.glob("*/urls.py")} - {"config", "polls"})
BESIDE = environment.some_of("POLLS_BESIDE", APPS)

INSTALLED_APPS = [
    "polls.apps.PollsConfig",
    *BESIDE,
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": environment.text("PGDATABASE", "polls"),
        # libpq reads these by itself too. They are here so that Django's messages and `dbshell` know them.
        "HOST": environment.text("PGHOST", ""),
        "PORT": environment.text("PGPORT", ""),
        "USER": environment.text("PGUSER", ""),
        "PASSWORD": environment.text("PGPASSWORD", ""),
    }
}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

if "members" in BESIDE:
    LOGIN_URL = "members:login"
    LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "members:home"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "/static/"

if "documents" in BESIDE:
    DOCUMENTS = environment.text("POLLS_DOCUMENTS", str(BASE_DIR / "documents-data"))
    UPLOAD_MAX_BYTES = 5 * 2**20
    FILE_UPLOAD_HANDLERS = [
        "documents.uploads.LimitedSize",
        "django.core.files.uploadhandler.MemoryFileUploadHandler",
        "django.core.files.uploadhandler.TemporaryFileUploadHandler",
    ]

if "shop" in BESIDE:
    SHOP_SERVICES = environment.text("SHOP_SERVICES", "http://127.0.0.1:8001")
    SHOP_TIMEOUT_S = environment.number("SHOP_TIMEOUT_S", default=1)
    SHOP_CLIENT = environment.choice("SHOP_CLIENT", ("httpx", "httpx2", "aiohttp"), default="httpx")

if "live" in BESIDE:
    LIVE_HEARTBEAT_S = environment.number("LIVE_HEARTBEAT_S", default=5)

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
