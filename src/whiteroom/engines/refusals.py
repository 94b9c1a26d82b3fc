"""The guard's no."""


class Refused(Exception):
    """The query may not run. The message is the reason, safe for the querier, and says what to do."""
