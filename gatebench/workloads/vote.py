from gatebench.values.workload import Workload
from gatebench.workloads.polls import CHECK, FORM, POLLS, WRITE

VOTE = Workload(
    name="vote",
    app=POLLS,
    locustfile="locustfiles/vote.py",
    request_names=("form", "vote", "results"),
    round_name="form",
    think_s=1.5,
    warm_up_path=FORM,
    seed_size=100,
    check=CHECK,
    writes=(WRITE,),
    environment={"POLLS_VOTE": "atomic"},
)
