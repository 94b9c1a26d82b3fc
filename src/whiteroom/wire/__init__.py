"""AWS's protocols, SigV4 and the service models. Knows nothing of clean rooms.

asgi.py is the door and the order of a request's steps; dialects/ has a file for each
protocol; calls.py is what the rest of the program sees of it.
"""
