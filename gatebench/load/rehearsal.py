"""`python -m gatebench.load.rehearsal FOLDER --host URL`: one user of each class does each of its tasks once. With
`--several`, some for each process of the app do so at once: no process meets a page for the first time while measured.

Prints a JSON line for each request that was sent: name, method, status, path (where its answer came from), wrong (why
it counts as failed, or null). Then `{"mistake": …}` for what a locustfile raised. Nothing is recorded.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import contextlib  # noqa: E402 - the standard library must be patched before anything uses it
import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from typing import Any  # noqa: E402
from urllib.parse import urlsplit  # noqa: E402

from gevent.pool import Group  # noqa: E402
from locust import TaskSet  # noqa: E402
from locust.env import Environment  # noqa: E402
from locust.exception import InterruptTaskSet, RescheduleTask, StopUser  # noqa: E402

from gatebench.load.__main__ import environment_of, parse  # noqa: E402
from gatebench.load.mistakes import LocustfileError, sentence  # noqa: E402
from gatebench.load.user import MeasuredUser  # noqa: E402
from gatebench.run_folder import RunFolder  # noqa: E402
from gatebench.values.run_config import RunConfig  # noqa: E402

ENDS = (InterruptTaskSet, RescheduleTask, StopUser)
"""How a task or a user ends in good order."""


AT_ONCE = 4
"""Users for each process of the app."""


def main() -> int:
    arguments = parse(__doc__, several="more than one user of each class at once")
    config = RunConfig.from_json(RunFolder(arguments.folder).read_run().config)
    try:
        environment = environment_of(config.side, arguments.host)
    except LocustfileError as error:
        say(mistake=str(error))
        return 1
    MeasuredUser.rehearsing = True
    environment.events.request.add_listener(told)
    environment.create_local_runner()
    for kind in environment.user_classes:
        kind.host = arguments.host
    users = Group()
    try:
        for _ in range(config.side.footing.workers * AT_ONCE if arguments.several else 1):
            users.spawn(rehearse, environment)
        users.join(raise_error=True)
    except Exception as error:
        say(mistake=sentence(error))
        return 1
    return 0


def rehearse(environment: Environment) -> None:
    for kind in environment.user_classes:
        do_all(kind(environment))


def do_all(user: Any) -> None:
    with contextlib.suppress(*ENDS):
        user.on_start()
        for task in each(user.tasks):
            do(task, user)
    with contextlib.suppress(*ENDS):
        user.on_stop()


def do(task: Any, owner: Any) -> None:
    """A function, or all tasks of a set."""
    with contextlib.suppress(*ENDS):
        if not (isinstance(task, type) and issubclass(task, TaskSet)):
            task(owner)
            return
        inside: Any = task(owner)
        inside.on_start()
        for inner in each(inside.tasks):
            do(inner, inside)
        inside.on_stop()


def each(tasks: Any) -> Iterator[Any]:
    """Those of a user, in their order, each once: weights repeat them."""
    yield from dict.fromkeys(tasks)


def told(request_type: str, name: str, exception: Exception | None, response: Any, **_: Any) -> None:
    url = getattr(response, "url", None)
    say(
        name=name,
        method=request_type,
        status=getattr(response, "status_code", None) or None,
        path=urlsplit(str(url)).path if url else None,
        wrong=None if exception is None else str(exception),
    )


def say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    sys.exit(main())
