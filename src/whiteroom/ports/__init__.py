"""What the clean room needs from outside itself, one file a port.

Each port has one contract suite (tests/contract/<file>/suite.py), which every adapter and every fake runs.
Adapters: store/, runtime/, engines/, catalog/, data/, keys/. They meet in app.py and nowhere else.
"""
