"""The private network of a run's instances: they reach each other by name, and nothing else.

An internal bridge would still have an address of this machine's on it, by which a container
reaches whatever listens here. So it is made without one; what is said to everybody on it is
not listened to either (`wall_off`). Names are in /etc/hosts: no resolver is asked.
Imported by the supervisor: nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH123
from __future__ import annotations

from whiteroom.runtime.docker.calls import EngineFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from whiteroom.runtime.docker.calls import Calls
    from whiteroom.runtime.docker.spec import ContainerSpec

_FIRST_HOST = 2
"""What a subnet's first address stands for is the gateway that there is not."""
_TAKEN = ("overlap", "already used", "already in use", "conflict")
_SETTINGS = {
    # An answer could not be sent, so that nothing is received: not even what is broadcast.
    "ipv4/conf/{bridge}/rp_filter": "1",
    "ipv6/conf/{bridge}/disable_ipv6": "1",
}


def private(name: str, labels: Mapping[str, str], bridge: str, subnet: str) -> dict[str, Any]:
    """What POST /networks/create is sent for a network that leads nowhere, not to this machine either.

    Args:
        name: of the network.
        labels: by which it is found again.
        bridge: what it is called on this machine.
        subnet: its first address, of 16.
    """
    return {
        **reachable(name, labels),
        "Options": {
            "com.docker.network.bridge.inhibit_ipv4": "true",
            "com.docker.network.bridge.name": bridge,
        },
        "IPAM": {"Driver": "default", "Config": [{"Subnet": f"{subnet}/28"}]},
    }


def reachable(name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """The same for a network that leads to this machine alone, so that a transform's client gets in."""
    return {"Name": name, "Driver": "bridge", "Internal": True, "CheckDuplicate": True, "Labels": dict(labels)}


def make_private(calls: Calls, spec: ContainerSpec) -> str:
    """Make a run's private network in the first of its subnets that nobody has, and answer which.

    Raises:
        EngineFailed: the engine refused, or all are taken.
    """
    for number, subnet in enumerate(spec.subnets):
        try:
            calls.create_network(private(spec.name, spec.labels, spec.bridge, subnet))
        except EngineFailed as problem:
            is_taken = any(sign in str(problem).lower() for sign in _TAKEN)
            if not is_taken or number + 1 == len(spec.subnets):
                raise
        else:
            return subnet
    raise EngineFailed("No subnet was offered for a network.")


def addresses(subnet: str, hosts: Sequence[str]) -> dict[str, str]:
    """Each host's, in the order of their names."""
    start, _, last = subnet.rpartition(".")
    return {host: f"{start}.{int(last) + _FIRST_HOST + number}" for number, host in enumerate(hosts)}


def wall_off(bridge: str) -> None:
    """Have this machine listen to nothing on the bridge; where only the engine may say so, it stays as it was made."""
    for setting, value in _SETTINGS.items():
        try:
            with open(f"/proc/sys/net/{setting.format(bridge=bridge)}", "w") as file:
                file.write(value)
        except OSError:
            continue
