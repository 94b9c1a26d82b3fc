"""Tables of Iceberg in REST catalogs: each account's own, by the name that pyiceberg's configuration gives it.

What a catalog answers is as hostile as any file: it is read in a process of its own (child.py), and no more is taken of
it than where a table's metadata are, and its columns.
"""
