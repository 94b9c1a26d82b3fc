from hypothesis import given
from hypothesis import strategies as st

from whiteroom.domain.execution.runs import shard


@given(files=st.lists(st.text(), max_size=30), instances=st.integers(1, 5))
def test_shards_are_disjoint_complete_in_order_and_even(files: list[str], instances: int) -> None:
    shards = [shard(files, instances, number) for number in range(instances)]
    assert [file for part in shards for file in part] == files
    sizes = [len(part) for part in shards]
    assert max(sizes) - min(sizes) <= 1
