"""A first configuration and a first locustfile, from a project as it is or from a recorded session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.own_project.conftest import Command


def test_init_writes_what_is_missing_and_changes_nothing(shop: Path, gatebench: Command) -> None:
    (shop / "gatebench.toml").unlink()
    (shop / "bench" / "locustfile.py").unlink()
    (shop / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    done = gatebench("init")
    assert done.returncode == 0, done.stderr
    assert "ASGI: made by get_asgi_application, there is no asgi.py." in done.stdout
    text = (shop / "bench" / "locustfile.py").read_text()
    assert 'self.client.get("/", name="index")' in text
    assert "    #   /mine/\n    #   /add/\n" in text
    assert "/author/" not in text
    assert (shop / "gatebench.toml").read_text() == 'locustfile = "bench/locustfile.py"\n'
    assert (shop / "pyproject.toml").read_text() == "[project]\nname = 'shop'\n"
    again = gatebench("init")
    assert (again.returncode, again.stderr) == (
        2,
        f"{shop}/gatebench.toml says already what to measure: `gatebench bench` measures it.\n",
    )


def test_a_recorded_session_becomes_a_locustfile(shop: Path, gatebench: Command) -> None:
    (shop / "gatebench.toml").unlink()
    (shop / "bench" / "locustfile.py").unlink()
    entries: list[dict[str, Any]] = [
        {"request": {"method": "GET", "url": "http://shop.test/add/?from=home"}},
        {"request": {"method": "GET", "url": "http://shop.test/static/site.css"}},
        {"request": {"method": "GET", "url": "http://elsewhere.test/"}},
        {
            "request": {
                "method": "POST",
                "url": "http://shop.test/add/",
                "postData": {"text": "csrfmiddlewaretoken=abc&name=new+one"},
            }
        },
    ]
    (shop / "session.har").write_text(json.dumps({"log": {"entries": entries}}))
    done = gatebench("init", "--har", "session.har")
    assert done.returncode == 0, done.stderr
    text = (shop / "bench" / "locustfile.py").read_text()
    compile(text, "locustfile.py", "exec")
    assert 'page = self.client.get("/add/?from=home", name="/add/")' in text
    assert '"name": "new one"' in text
    assert "re.search(" in text
    assert "abc" not in text
    assert "site.css" not in text
    assert "elsewhere" not in text
