"""Keeps artefacts and delivers results (ports.ObjectStore): folders of this machine by default."""
