"""The demo: three organisations train a model of late arrivals together, on real data.

`whiteroom demo` runs it. `story.py` is what the three of them do, with nothing but boto3;
`algorithm/` is what Delay Lab brings and knows nothing of Whiteroom; `report.py` makes the
picture and the page. It is a client: it asks the server, and the command line, and imports
nothing of Whiteroom's.
"""
