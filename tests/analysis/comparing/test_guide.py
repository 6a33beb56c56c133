"""What a guide finds: users held over the trials, and the advice that follows."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from gatebench.analysis.comparing.guide import advise, guide_runs, guide_table
from gatebench.records import Run, Trial
from tests.analysis.synthetic import guide_of

WSGI, MANY, SYNC, ASYNC = "WSGI", "WSGI, many threads", "ASGI, sync views", "ASGI, async views"


def sentence(**sides: Any) -> str:
    (one,) = advise(guide_of(**sides))
    return one.choice.sentence


def best(**sides: Any) -> list[str]:
    (one,) = advise(guide_of(**sides))
    return list(one.choice.best)


def test_users_held_are_the_geometric_mean_with_student_s_interval() -> None:
    (row,) = guide_table(guide_of(wsgi=[100, 110, 121])).to_dict("records")
    assert row["users"] == pytest.approx(110)
    reach = 4.302653 * math.log(1.1) / math.sqrt(3)  # t of two degrees of freedom; the logs are a tenth apart
    assert (row["low"], row["high"]) == pytest.approx((110 * math.exp(-reach), 110 * math.exp(reach)), rel=1e-5)
    assert row["trials"] == 3


def test_one_trial_has_no_interval() -> None:
    table = guide_table(guide_of(wsgi=[200], sync=[100]))
    assert table["low"].isna().all()
    assert (
        sentence(wsgi=[200], sync=[100])
        == "WSGI held 200 users; ASGI with sync views held 100 users: too few valid trials to say how sure that is."
    )


def test_the_better_side_is_taken_by_how_many_times() -> None:
    said = sentence(wsgi=[200, 214, 208], sync=[100, 101, 104], asynchronous=[50, 51, 52])
    assert said.startswith("Take WSGI: 2.0 times the users of ASGI with sync views (1.")
    assert best(wsgi=[200, 204, 208], sync=[100, 101, 104]) == [WSGI]


def test_sides_that_are_not_clearly_apart_are_named_together_the_plainest_first() -> None:
    sides = {"wsgi": [200, 240, 210], "sync": [215, 220, 230], "asynchronous": [50, 51, 52]}
    assert best(**sides) == [WSGI, SYNC]
    assert sentence(**sides).startswith(
        "Take WSGI or ASGI with sync views, which are not clearly apart (ASGI with sync views was ahead of WSGI in 2 "
        "of 3 trials): 4.2 times the users of ASGI with async views ("
    )


def test_sides_whose_ratio_lies_within_the_margin_are_either() -> None:
    assert sentence(wsgi=[200, 203, 201], sync=[201, 201, 202]) == (
        "Either: they hold the same number of users, to within 10 %."
    )
    assert best(wsgi=[200, 203, 201], sync=[201, 201, 202]) == [WSGI, SYNC]


def test_no_clear_difference_beyond_it_is_not_proven() -> None:
    sides = {"wsgi": [200, 240, 210], "sync": [215, 220, 230]}
    (one,) = advise(guide_of(**sides))
    assert one.choice.sentence == "Not proven: ASGI with sync views was ahead of WSGI in 2 of 3 trials."
    assert (one.choice.best, one.choice.undecided) == ([], True)


def test_a_trial_that_held_the_complete_ramp_is_counted_as_a_bound() -> None:
    """And not dropped: it may have been the side's best."""
    (row,) = guide_table(guide_of(wsgi=[400, "all", "all"])).to_dict("records")
    assert (row["found"], row["trials"], row["users"]) == ("at least", 3, pytest.approx((400 * 500 * 500) ** (1 / 3)))
    assert math.isnan(row["low"])
    sides: dict[str, list[Any]] = {"wsgi": [400, "all", "all"], "sync": [200, 210, 205]}
    assert best(**sides) == [WSGI]
    assert sentence(**sides).endswith("Take WSGI: at least 1.7 times the users of ASGI with sync views.")


def test_bounds_that_differ_from_trial_to_trial_are_no_scatter() -> None:
    """How far a ramp came says nothing of how far the side would have."""
    found = guide_of(wsgi=["all"] * 3, sync=[485, 526, 477])
    found.loc[found["side"] == WSGI, "tried"] = [800, 1000, 1300]
    (one,) = advise(found)
    assert one.choice.sentence == "Take WSGI: at least 1.42 times the users of ASGI with sync views."


def test_a_side_of_which_only_a_bound_is_known_is_not_called_worse() -> None:
    sides: dict[str, list[Any]] = {"wsgi": [600, 610, 605], "sync": [300, 310, "all"]}
    assert sentence(**sides) == "Not proven: WSGI was ahead of ASGI with sync views in 2 of 3 trials with 1 undecided."
    fewer: dict[str, list[Any]] = {"wsgi": [600, 610, 605], "sync": [30, 31, "none"]}
    assert sentence(**fewer).endswith("Take WSGI: at least 5.8 times the users of ASGI with sync views.")


def test_a_side_that_held_all_in_one_trial_and_nothing_in_another_says_nothing() -> None:
    assert sentence(wsgi=["all", "none", 100], sync=[90, 91, 92]) == (
        "Not shown: of WSGI one trial held the complete ramp, and another not its first step."
    )


def test_sides_that_held_all_are_known_to_be_ahead_of_one_that_held_nothing() -> None:
    sides: dict[str, list[Any]] = {"wsgi": ["all"] * 3, "many": ["all"] * 3, "sync": ["none"] * 3}
    assert best(**sides) == [WSGI, MANY]
    assert sentence(**sides).endswith(": at least 50.0 times the users of ASGI with sync views.")


def test_a_clear_difference_within_the_margin_is_either() -> None:
    assert best(wsgi=[210, 213, 212], sync=[200, 201, 203]) == [WSGI, SYNC]
    assert sentence(wsgi=[210, 213, 212], sync=[200, 201, 203]).startswith("Either: ")


def test_the_only_side_that_serves_a_workload_may_be_known_by_a_bound() -> None:
    found = guide_of(asgi_only=True, asynchronous=[400, "all", "all"])
    (one,) = advise(found)
    assert one.choice.sentence == "Nothing but ASGI with async views serves it: at least 464 users."


def test_of_a_workload_that_one_side_alone_serves_there_is_nothing_to_choose() -> None:
    sides = {"asgi_only": True, "asynchronous": [300, 300, 300]}
    assert sentence(**sides) == "Nothing but ASGI with async views serves it: 300 users."
    assert best(**sides) == [ASYNC]


def test_of_a_workload_of_which_one_side_is_measured_so_far_nothing_is_shown() -> None:
    assert sentence(asynchronous=[300]) == "Not shown: ASGI with async views alone was measured."
    assert best(asynchronous=[300]) == []


def test_sides_that_are_not_clearly_apart_are_told_by_one_that_has_trials_in_common_with_the_next() -> None:
    sides = {"wsgi": [200, 240, "nothing"], "sync": [215, 236, 238], "asynchronous": ["nothing", 50, 51]}
    assert best(**sides) == [WSGI, SYNC]
    assert "times the users of ASGI with async views" in sentence(**sides)


def test_a_single_valid_trial_is_no_advice_beside_sides_that_held_not_even_the_fewest() -> None:
    sides: dict[str, list[Any]] = {"wsgi": ["none"], "many": [205]}
    assert best(**sides) == []
    assert sentence(**sides) == (
        "WSGI with many threads held 205 users; WSGI held fewer than 10 users: too few valid trials to say how sure "
        "that is."
    )


def test_a_step_in_which_nobody_asked_shows_nothing() -> None:
    steps = pd.DataFrame(
        {
            "users": [10, 20, 30],
            "requests": [0, 50, 50],
            "valid": True,
            "failure_pct": [math.nan, 0.0, 0.0],
            "p50_ms": [math.nan, 50.0, 1000.0],
            "p95_ms": [math.nan, 100.0, 2000.0],
            **dict.fromkeys(("update_p95_ms", "cpu_ms_per_request_app", "rss_bytes_app", "threads_app"), math.nan),
        }
    )
    run = Run("one", {"workload": {"name": "page"}}, 0, trial=Trial("one", 1, WSGI))
    (found,) = guide_runs([(run, steps)]).to_dict("records")
    assert (found["found"], found["tried"]) == ("held", 30)
    assert 20 < found["users"] < 30


def test_a_side_beyond_the_ramp_holds_at_least_that() -> None:
    sides: dict[str, list[Any]] = {"many": [200, 210, 205], "asynchronous": ["all", "all", "all"]}
    assert best(**sides) == [ASYNC]
    assert sentence(**sides) == ("Take ASGI with async views: at least 2.3 times the users of WSGI with many threads.")
    assert (
        sentence(wsgi=["all"] * 3, sync=["all"] * 3)
        == "Not shown: each held 500 users, the most that could be measured."
    )


def test_a_side_that_held_not_even_the_fewest_is_behind_all() -> None:
    sides: dict[str, list[Any]] = {"wsgi": ["none"] * 3, "many": [200, 210, 205]}
    assert best(**sides) == [MANY]
    assert sentence(**sides) == "Take WSGI with many threads: at least 19.3 times the users of WSGI."
    assert best(wsgi=["none"] * 3, sync=["none"] * 3) == []


def test_what_is_not_valid_shows_nothing_and_a_trial_of_it_is_left_out() -> None:
    assert sentence(wsgi=["nothing"] * 3, sync=[100, 101, 102]) == "Not shown: no trial of WSGI is valid."
    (row,) = guide_table(guide_of(wsgi=["nothing", 100, 100])).to_dict("records")
    assert (row["trials"], row["users"]) == (2, pytest.approx(100))


def test_a_side_whose_limit_is_not_shown_is_not_called_better_than_one_that_held_more() -> None:
    sides: dict[str, list[Any]] = {"wsgi": ["all"] * 3, "sync": [700, 710, 705]}
    assert best(**sides) == []
    assert sentence(**sides) == "Not proven: ASGI with sync views was ahead of WSGI in 0 of 3 trials with 3 undecided."


def test_a_side_beyond_the_ramp_is_not_called_better_than_one_that_may_hold_as_many() -> None:
    unsure: dict[str, list[Any]] = {"wsgi": ["all"] * 3, "sync": [100, 300, 200], "asynchronous": [50, 51, 52]}
    assert best(**unsure) == [WSGI, SYNC]
    assert sentence(**unsure).startswith(
        "Take WSGI or ASGI with sync views, which are not clearly apart (WSGI was ahead of ASGI with sync views in 3 "
        "of 3 trials): at least 2.1 times the users of ASGI with async views."
    )
    assert best(wsgi=["all"], sync=[100]) == []


def test_one_trial_is_no_advice() -> None:
    assert best(wsgi=[200], sync=[100]) == []


def test_other_sides_of_a_workload_take_no_part_in_its_advice() -> None:
    found = pd.concat([guide_of(wsgi=[100, 101, 102], sync=[50, 51, 52]), guide_of(many=[400, 410, 405])])
    found.loc[found["side"] == MANY, "side"] = "WSGI, 32 threads"
    (one,) = advise(found)
    assert list(one.choice.best) == [WSGI]
    assert list(guide_table(found)["side"]) == [WSGI, SYNC, "WSGI, 32 threads"]


def test_a_run_is_read_from_run_json_and_its_steps() -> None:
    steps = pd.DataFrame(
        {
            "step": [1, 2, 3], "users": [10, 100, 200], "requests": [10, 100, 150], "failure_pct": [0.0, 0.0, 0.0],
            "p50_ms": [5.0, 50.0, 900.0], "p95_ms": [10.0, 500.0, 2000.0], "update_p95_ms": [math.nan] * 3,
            "cpu_ms_per_request_app": [2.0, 2.5, 3.0], "rss_bytes_app": [1, 2, 3], "threads_app": [10, 20, 30],
            "valid": [True, True, True],
        }
    )  # fmt: skip
    config = {"workload": {"name": "page", "about": "a page", "objective": {"failures_pct": 1.0, "p95_ms": 1000.0}}}
    run = Run("run", config, 0.0, trial=Trial("guide-page", 2, SYNC, "guide"))
    (row,) = guide_runs([(run, steps)]).to_dict("records")
    assert (row["found"], row["users"]) == ("held", pytest.approx(150))
    assert (row["tried"], row["low_users"], row["p50_ms"]) == (200, 10, 5.0)
    assert (row["cpu_ms"], row["rss_bytes"], row["threads"]) == (2.5, 2, 20)
    (row,) = guide_runs([(run, steps.head(2))]).to_dict("records")
    assert row["found"] == "all"
    (row,) = guide_runs([(run, steps.assign(valid=[True, True, False]))]).to_dict("records")
    assert (row["found"], row["tried"]) == ("all", 100)
    (row,) = guide_runs([(run, steps.assign(valid=[True, False, True]))]).to_dict("records")
    assert (row["found"], row["tried"], row["cpu_ms"]) == ("all", 10, 2.0)  # it may have ended in the second step
    (row,) = guide_runs([(run, steps.assign(valid=[False, True, True]))]).to_dict("records")
    assert (row["found"], row["users"]) == ("held", pytest.approx(150))
    (row,) = guide_runs([(run, steps.head(2).assign(valid=[False, True]))]).to_dict("records")
    assert (row["found"], row["tried"]) == ("all", 100)
    (row,) = guide_runs([(run, steps.assign(valid=[False, False, True]))]).to_dict("records")
    assert (row["found"], row["low_users"]) == ("none", 200)  # nothing is known of 10 users
    (row,) = guide_runs([(run, steps.assign(valid=[False, True, True]))]).to_dict("records")
    assert (row["found"], row["cpu_ms"]) == ("held", 2.5)
    assert math.isnan(row["p50_ms"])  # of a low load there is none
    (row,) = guide_runs([(run, steps.assign(valid=[False] * 3))]).to_dict("records")
    assert row["found"] == "nothing"
    assert pd.isna(row["tried"])
    (row,) = guide_runs([(run, steps.tail(1))]).to_dict("records")
    assert row["found"] == "none"


def test_the_ratio_that_is_told_is_a_clear_one() -> None:
    sides = {"wsgi": [160, 199, 209], "sync": [224, 224, 224], "asynchronous": [145, 143, 139]}
    assert best(**sides) == [WSGI, SYNC]
    assert "): ASGI with sync views has 1.57 times the users of ASGI with async views (" in (sentence(**sides))


def test_sides_that_held_all_are_told_each_by_its_own_number() -> None:
    found = guide_of(wsgi=["all"] * 3, sync=["all"] * 3)
    found.loc[found["side"] == WSGI, "tried"] = 30
    (one,) = advise(found)
    assert one.choice.sentence == (
        "Not shown: WSGI held 30 users and ASGI with sync views held 500 users, the most that could be measured."
    )


def test_fewer_than_the_fewest_that_were_tried_are_those_of_every_trial() -> None:
    found = guide_of(wsgi=["none"] * 3)
    found["low_users"] = [4, 30, 4]
    (row,) = guide_table(found).to_dict("records")
    assert row["low_users"] == 30
