"""The peer: moto's server, with collaborations put straight into its memory. Run by .venv-bench's Python."""

import sys

from moto.cleanrooms.models import cleanrooms_backends
from moto.server import main

port, rows = sys.argv[1], int(sys.argv[2])
backend = cleanrooms_backends["123456789012"]["us-east-1"]
for number in range(rows):
    backend.create_collaboration(
        name=f"collaboration {number}",
        description="a row",
        creator_display_name="us",
        creator_member_abilities=["CAN_QUERY"],
        query_log_status="DISABLED",
        members=[],
        data_encryption_metadata=None,
        analytics_engine="SPARK",
        tags=None,
    )
main(["-H", "127.0.0.1", "-p", port])
