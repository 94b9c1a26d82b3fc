"""Worlds to test in, all of them made by one builder.

A room (rooms.py) is a collaboration, its members and what they make in it, each step written once. How its calls are
made is the server's: `Server` (servers.py) calls operations in this process, on a store; `RunningServer`
(support/server.py) is asked over HTTP. A `Room` lies in a store at hand, where the test does what controllers would.
"""
