"""The protocols in which AWS's clients ask, one file each: REST-JSON, JSON 1.0 and 1.1, query, and RPC v2 CBOR.

dialect.py is what they have in common; choice.py decides which one a request uses. All are made from the service
models: no file knows an operation by its name.
"""
