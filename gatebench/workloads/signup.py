"""Does it matter for a Django site in one file?

Settings, address, form, template and view in one module, served by WSGI and by ASGI servers alike, that appends each
sign-up to a CSV file. Its ledger is that file: every row that somebody was told of must be in it, whole.

Held: 95 of 100 answers within a second, under 1 % failures. What would be unfair: to read it as a site with a database.
It has none, nor sessions, and its writers wait for one lock on one file.
"""

from gatebench.values.app import App
from gatebench.values.guided import SYNC, WSGI, Guided
from gatebench.values.server import Interface
from gatebench.values.workload import Workload, Write

SIGNUP = Workload(
    name="signup",
    about="a site in one file",
    app=App(
        name="signup",
        folder="small_sites",
        applications={Interface.WSGI: "signup:wsgi", Interface.ASGI: "signup:asgi"},
        ready_path="/.gatebench/ready",
        visits=("/", "/thanks/"),
        environment={
            "SIGNUP_CSV": "{files}/signups.csv",
            "SIGNUP_SECRET_KEY": "{secret}",
            "SIGNUP_DEBUG": "0",
        },
        packages=("django", "asgiref"),
        wrapped=True,
    ),
    locustfile="locustfiles/signup.py",
    request_names=("form", "sign-up", "thanks"),
    round_name="form",
    think_s=1.5,
    warm_up_path="/",
    writes=(Write("sign-up", rows_of="signups.csv"),),
)

GUIDED = Guided(SIGNUP, users=(50, 200, 300, 400, 600, 800, 1000), sides={WSGI: {}, SYNC: {}})
