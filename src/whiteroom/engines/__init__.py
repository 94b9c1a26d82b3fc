"""Runs SQL over members' tables: judged, limited, in a process of its own."""
