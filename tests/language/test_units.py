"""Units: exact factors, there and back, and near names."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.errors import BadRequest
from fireside.language.units import UNITS, convert_exactly, find_unit
from fireside.tools.calls import call
from fireside.tools.converter import convert
from fireside.tools.tool import ToolContext

NAMES = st.sampled_from(sorted(UNITS))


@given(st.fractions(min_value=0, max_value=10**6), NAMES, NAMES)
def test_there_and_back_is_where_it_was(amount: Fraction, one: str, other: str) -> None:
    source, target = find_unit(one), find_unit(other)
    try:
        there = convert_exactly(amount, source, target)
    except BadRequest:
        assert source.dimension != target.dimension
    else:
        assert convert_exactly(there, target, source) == amount


@given(NAMES)
def test_a_name_is_found_in_any_case_unless_case_tells(name: str) -> None:
    assert find_unit(name) == UNITS[name]
    for other in (name.upper(), name.lower()):
        try:
            found = find_unit(other)
        except BadRequest as error:
            told = error.message
        else:
            told = f"Which unit is {name}" if found == UNITS.get(other, UNITS[name]) else ""
        assert told.startswith("Which unit is")
        assert name in told


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mw", "mW (milliwatt) or MW (megawatt)?"),
        ("mb", "MB (megabyte) or Mb (megabit)?"),
        ("GBITS", ""),
        ("Nm", "nm (nanometer) or NM (nautical mile)?"),
        ("MG", "mg (milligram) or Mg (megagram)?"),
        ("mS", "ms (millisecond) or Ms (megasecond)?"),
    ],
)
def test_where_case_tells_units_apart_it_asks_for_the_exact_one(name: str, words: str) -> None:
    if not words:
        assert find_unit(name).name == "Gbit"
        return
    with pytest.raises(BadRequest) as told:
        find_unit(name)
    assert told.value.message == f"Which unit is {name!r}: {words}"


@pytest.mark.parametrize(
    ("amount", "one", "other", "result"),
    [
        (5, "miles", "km", "5 mi = 8.04672 km"),
        (100, "F", "C", "100 °F ≈ 37.7777777778 °C"),
        (20, "degrees Celsius", "Fahrenheit", "20 °C = 68 °F"),
        (0, "K", "°C", "0 K = -273.15 °C"),
        (6, "feet", "cm", "6 ft = 182.88 cm"),
        (1, "kg", "pounds", "1 kg ≈ 2.20462262185 lb"),
        (70, "miles per hour", "km/h", "70 mph = 112.65408 km/h"),
        (1.5, "cups", "ml", "1.5 cup = 354.88235475 ml"),
        (1, "GB", "MiB", "1 GB = 953.67431640625 MiB"),
        (2, "square feet", "m2", "2 ft² = 0.18580608 m²"),
        (3, "inches", "mm", "3 in = 76.2 mm"),
        (0.1, "km", "m", "0.1 km = 100 m"),
        (5, "mW", "W", "5 mW = 0.005 W"),
        (100, "Mb", "MB", "100 Mbit = 12.5 MB"),
        (8, "Gb", "GB", "8 Gbit = 1 GB"),
        (8, "b", "B", "8 bit = 1 B"),
        (5, "NM", "km", "5 nmi = 9.26 km"),
        (5, "KM", "m", "5 km = 5000 m"),
        (1, "Mg", "kg", "1 Mg = 1000 kg"),
        (100, "Ms", "s", "100 Ms = 100000000 s"),
        (500, "mL", "L", "500 ml = 0.5 l"),
        (1000000, "m", "km", "1000000 m = 1000 km"),
        (1234567, "m", "km", "1234567 m = 1234.567 km"),
        (1e22, "m", "km", "1e+22 m = 10000000000000000000 km"),
        (20, "℃", "℉", "20 °C = 68 °F"),
        (20, "deg C", "degrees F", "20 °C = 68 °F"),
        (1, "cubic foot", "cubic inches", "1 ft³ = 1728 in³"),
        (2, "cubic feet", "l", "2 ft³ = 56.633693184 l"),
    ],
)
def test_as_people_ask(amount: float, one: str, other: str, result: str) -> None:
    arguments = {"amount": amount, "unit_from": one, "unit_to": other}
    assert call(convert, json.dumps(arguments), ToolContext()).outcome.text == result


@pytest.mark.parametrize(
    ("amount", "one", "other", "words"),
    [
        (1, "kg", "km", "one does not become the other"),
        (1, "euro", "dollar", "no unit 'euro'"),
        (1, "kilometres", "mils", r"no unit 'mils' here\. Near: .*mile"),
        (-300, "C", "F", "colder than absolute zero"),
        (1, "", "km", "no unit ''"),
        (1e308, "ly", "nm", "too large to write: ask for a larger unit"),
    ],
)
def test_what_cannot_be_converted_says_why(amount: float, one: str, other: str, words: str) -> None:
    arguments = {"amount": amount, "unit_from": one, "unit_to": other}
    error = call(convert, json.dumps(arguments), ToolContext()).outcome.error
    with pytest.raises(BadRequest, match=words):
        raise BadRequest(error or "")
