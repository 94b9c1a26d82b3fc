"""The operator's command line: one file for each noun, thin over app.py."""
