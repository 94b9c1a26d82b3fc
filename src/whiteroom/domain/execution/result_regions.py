"""Regions of results: in which regions the buckets lie that results of queries go to.

Source: CreateCollaboration.allowedResultRegions ("The Amazon Web Services Regions where collaboration query results can
be stored"). Buckets are folders here, and a folder has no region of its own: the operator says which is in which.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict

_ENTRY = re.compile(r"\s*([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\s*=\s*([a-z]{2}(?:-[a-z]+)+-\d)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class BucketRegions:
    """Where buckets are."""

    own: str
    """The server's region: that of every bucket that is not listed."""
    listed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, own: str, text: str) -> BucketRegions:
        """From the server's region and `BUCKET=REGION, ...`.

        Raises:
            ValueError: the text is not like that; the message says what is wrong.
        """
        listed: dict[str, str] = {}
        for entry in filter(str.strip, text.split(",")):
            found = _ENTRY.fullmatch(entry)
            if found is None:
                raise ValueError(f"{entry.strip()!r} is not like BUCKET=REGION, such as results-eu=eu-west-1.")
            if listed.get(found[1], found[2]) != found[2]:
                raise ValueError(f"The bucket {found[1]} is in two regions.")
            listed[found[1]] = found[2]
        return cls(own, listed)

    def of(self, bucket: str) -> str:
        """The region of a bucket."""
        return self.listed.get(bucket, self.own)


def may_be_stored(buckets: Iterable[str], allowed_regions: Iterable[str], regions: BucketRegions) -> Verdict:
    """Whether results of a collaboration may go to these buckets. Without allowed regions they may go anywhere."""
    allowed = tuple(allowed_regions)
    if not allowed:
        return ALLOWED
    for bucket in buckets:
        region = regions.of(bucket)
        if region not in allowed:
            return Denied(
                f"The bucket {bucket} is in {region}, and results of this collaboration may be stored in "
                f"{', '.join(allowed)} alone (allowedResultRegions). Use a bucket there, or ask the operator to say in "
                "bucket_regions where the bucket is."
            )
    return ALLOWED
