"""AWS's protocol: REST-JSON, JSON 1.0 and 1.1, SigV4 and the service models. Knows nothing of clean rooms.

asgi.py is the door and the order of a request's steps; calls.py is what the rest of
the program sees of it.
"""
