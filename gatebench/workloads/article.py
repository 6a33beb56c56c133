"""What did the users of the published comparison see?

One poll, the article's client, and its view, which reads, adds one and saves: votes are lost, and counted as lost.
"""

from gatebench.values.workload import Workload
from gatebench.workloads.polls import CHECK, FORM, POLLS, WRITE

ARTICLE = Workload(
    name="article",
    about="what the article measured",
    app=POLLS,
    locustfile="locustfiles/article.py",
    request_names=("form", "vote"),
    round_name="form",
    think_s=1.5,
    warm_up_path=FORM,
    seed_size=1,
    check=CHECK,
    writes=(WRITE,),
    environment={"POLLS_VOTE": "read-then-save"},
)
