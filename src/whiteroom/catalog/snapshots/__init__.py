"""Tables of Iceberg and Delta: which files one of their states has, by the libraries of the formats.

Their metadata are as hostile as any file: they are read in a process of their own (child.py), and a file is named by
them only if it is in the table's folder (places.py).
"""
