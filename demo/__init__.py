"""The demo: three organisations train a model of late arrivals together, on real data.

`make demo` runs it. `story.py` is what the three of them do, with nothing but boto3;
`algorithm/` is what Delay Lab brings and knows nothing of Whiteroom; `report.py` makes the
picture and the page.
"""
