"""A member's side of a clean room, for notebooks: boto3's clients, and what one does by hand around them.

    from whiteroom import notebook

    alice = notebook.connect(profile="whiteroom-111111111111")
    model = alice.ml.create_trained_model(...)
    model = alice.wait(model)           # a progress bar; if it fails, an error that says why
    alice.follow(model)                 # its log, as it comes
    alice.metrics(model)                # a data frame, of polars or pandas
    alice.plot(model)
    alice.compare(model, another)       # hyperparameters, channels, metrics
    alice.fetch(job, to="results")      # what was delivered to this member

Everything takes and answers what boto3 does. It is a client, of Whiteroom and of AWS alike: nothing here imports the
server. docs/notebooks.md has a page on it.
"""

from whiteroom.notebook.answers import Answer, Rows
from whiteroom.notebook.comparing import Comparison
from whiteroom.notebook.logs import Events
from whiteroom.notebook.member import Member, connect
from whiteroom.notebook.plotting import Plot

__all__ = ["Answer", "Comparison", "Events", "Member", "Plot", "Rows", "connect"]
