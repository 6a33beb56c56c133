"""The ladder measured for real: two of its rungs, counted, sampled and timed, and the page about them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from gatebench.analysis.cli import main as analyze
from gatebench.campaign import plan_campaign
from gatebench.ladder import LADDER
from gatebench.plan import measure
from gatebench.run_folder import counting, recorded
from tests.conftest import BESIDE_OTHERS, TINY, own_ports


@pytest.mark.whole
def test_two_rungs_are_counted_sampled_timed_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gatebench.campaign.LADDER", [rung for rung in LADDER if rung.name in ("WSGI", "one hop")])
    port, ui_port = own_ports(2)
    knobs = {
        **TINY,
        **BESIDE_OTHERS,
        "TRIALS": "1",
        "PORT": str(port),
        "UI_PORT": str(ui_port),
        "RESULTS": str(tmp_path),
    }
    measure(plan_campaign("why", knobs, lambda: False), Console(file=io.StringIO()))
    counts = {run.config["rung"]["name"]: (run, folder) for run, folder in counting(tmp_path)}
    wsgi, one_hop = counts["WSGI"][0].counts, counts["one hop"][0].counts
    assert wsgi["executor submissions"] == one_hop["executor submissions"] == 1
    assert wsgi["threads started"] == one_hop["threads started"] == 0
    assert (wsgi["loop wakeups"], one_hop["loop wakeups"]) == (0, 3)
    for run, folder in counts.values():
        assert run.steps == ()
        assert folder.stacks.exists() or "py-spy" in " ".join(run.troubles)
    assert len(recorded(tmp_path)) == 2
    assert analyze(["--why", f"--results={tmp_path}"]) == 0
    output = capsys.readouterr().out  # beside other tests a step need not be valid, and then has no figure
    assert "Per request the app server uses" in output
    assert "behind ASGI with one hop" in output
    page = (tmp_path / "why" / "why.html").read_text()
    assert "What is begun for each request" in page
