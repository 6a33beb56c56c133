"""The polls site of Django's tutorial: the App of `vote` and `article`, from which most others are made."""

from gatebench.values.app import App
from gatebench.values.server import Interface
from gatebench.values.workload import FormCheck, Write

POLLS = App(
    name="polls",
    folder="polls_site",
    applications={Interface.WSGI: "config.wsgi:application", Interface.ASGI: "config.asgi:application"},
    ready_path="/.gatebench/ready",
    settings="config.settings",
    drivers=dict.fromkeys(("persistent", "per-request", "pgbouncer"), "psycopg2"),
    visits=("/polls/",),
    setup=(
        "migrate --no-input --verbosity 0",
        "seed --questions {seed_size} --choices 4",
        "collectstatic --no-input --verbosity 0",
    ),
    environment={
        "DJANGO_SECRET_KEY": "{secret}",
    },
    packages=("django", "asgiref", "psycopg", "psycopg-pool", "psycopg2-binary"),
)

FORM = "/polls/1/"
CHECK = FormCheck(form_path=FORM, leads_to="/polls/1/results/")
WRITE = Write("vote", "SELECT COALESCE(SUM(votes), 0) FROM polls_choice")
