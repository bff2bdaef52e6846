"""`convert`: units of measure by a table of exact factors.

Factors are those of the SI brochure and of NIST SP 811, as exact fractions; only a temperature has
a zero of its own.  It refuses money, whose rates nobody here knows, and units that measure
different things.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from fireside.assistant.tools.arithmetic import written
from fireside.assistant.tools.outcome import Outcome
from fireside.assistant.tools.tool import ToolContext, tool
from fireside.errors import BadRequest

# dimension: "name = factor to the first unit: other names"
TABLE: Final = {
    "length": """
        m = 1: meter metre
        km = 1000: kilometer kilometre
        cm = 1/100: centimeter centimetre
        mm = 1/1000: millimeter millimetre
        µm = 1/1000000: um micrometer micron
        nm = 1/1000000000: nanometer
        in = 127/5000: inch inches "
        ft = 381/1250: foot feet '
        yd = 1143/1250: yard
        mi = 1609.344: mile
        nmi = 1852: nautical_mile
        ly = 9460730472580800: light-year light_year lightyear
        au = 149597870700: astronomical_unit""",
    "mass": """
        kg = 1: kilogram kilo
        g = 1/1000: gram gramme
        mg = 1/1000000: milligram
        µg = 1/1000000000: ug microgram
        t = 1000: tonne metric_ton
        lb = 0.45359237: pound lbs
        oz = 0.028349523125: ounce
        st = 6.35029318: stone
        ton = 907.18474: short_ton us_ton""",
    "time": """
        s = 1: second sec
        ms = 1/1000: millisecond
        min = 60: minute
        h = 3600: hour hr
        d = 86400: day
        week = 604800: wk
        year = 31557600: yr""",
    "volume": """
        l = 1: liter litre
        ml = 1/1000: milliliter millilitre cc
        cl = 1/100: centiliter centilitre
        dl = 1/10: deciliter decilitre
        m³ = 1000: m3 cubic_meter cubic_metre
        gal = 3.785411784: gallon us_gallon
        imperial_gallon = 4.54609: uk_gallon
        qt = 0.946352946: quart
        pt = 0.473176473: pint
        imperial_pint = 0.56826125: uk_pint
        cup = 0.2365882365: us_cup
        floz = 0.0295735295625: fluid_ounce fl_oz
        tbsp = 0.01478676478125: tablespoon
        tsp = 0.00492892159375: teaspoon""",
    "area": """
        m² = 1: m2 sqm square_meter square_metre
        km² = 1000000: km2 square_kilometer square_kilometre
        cm² = 1/10000: cm2 square_centimeter square_centimetre
        ha = 10000: hectare
        acre = 4046.8564224: ac
        ft² = 0.09290304: ft2 sqft square_foot square_feet
        in² = 0.00064516: in2 square_inch square_inches
        mi² = 2589988.110336: mi2 square_mile""",
    "speed": """
        m/s = 1: mps meter_per_second metre_per_second meters_per_second metres_per_second
        km/h = 5/18: kmh kph kmph kilometer_per_hour kilometers_per_hour kilometres_per_hour
        mph = 0.44704: mi/h mile_per_hour miles_per_hour
        kn = 463/900: knot kt
        ft/s = 381/1250: fps feet_per_second""",
    "data": """
        B = 1: byte
        bit = 1/8:
        kB = 1000: kb kilobyte
        MB = 1000000: megabyte
        GB = 1000000000: gigabyte
        TB = 1000000000000: terabyte
        KiB = 1024: kibibyte
        MiB = 1048576: mebibyte
        GiB = 1073741824: gibibyte
        TiB = 1099511627776: tebibyte""",
    "energy": """
        J = 1: joule
        kJ = 1000: kilojoule
        cal = 4.184: calorie
        kcal = 4184: kilocalorie
        Wh = 3600: watt_hour watt-hour
        kWh = 3600000: kilowatt_hour kilowatt-hour
        BTU = 1055.05585262:""",
    "power": """
        W = 1: watt
        kW = 1000: kilowatt
        MW = 1000000: megawatt
        hp = 745.69987158227022: horsepower""",
    "pressure": """
        Pa = 1: pascal
        hPa = 100: hectopascal
        kPa = 1000: kilopascal
        bar = 100000:
        mbar = 100: millibar
        atm = 101325: atmosphere
        psi = 6894.757293168361:
        mmHg = 133.322387415: torr""",
    "angle": """
        ° = 1: deg degree
        rad = 57.29577951308232: radian
        turn = 360: revolution""",
}  # fmt: skip
# Kelvin = (degrees + zero) * factor
TEMPERATURES: Final = {
    "°C": (Fraction(1), Fraction("273.15"), "c celsius degc degree_celsius centigrade"),
    "°F": (Fraction(5, 9), Fraction("459.67"), "f fahrenheit degf degree_fahrenheit"),
    "K": (Fraction(1), Fraction(0), "kelvin"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    name: str
    dimension: str
    factor: Fraction
    zero: Fraction = Fraction(0)


def _made() -> dict[str, Unit]:
    found: dict[str, Unit] = {}
    for dimension, lines in TABLE.items():
        for line in lines.strip().splitlines():
            name, _, rest = line.strip().partition(" = ")
            ratio, _, others = rest.partition(":")
            one = Unit(name=name, dimension=dimension, factor=Fraction(ratio))
            found |= dict.fromkeys([name, *others.split()], one)
    for name, (factor, zero, others) in TEMPERATURES.items():
        one = Unit(name=name, dimension="temperature", factor=factor, zero=zero)
        found |= dict.fromkeys([name, *others.split()], one)
    return found


UNITS: Final = _made()
_FOLDED: Final = {name.lower(): unit for name, unit in reversed(UNITS.items())}


def unit(name: str) -> Unit:
    """
    Raises:
        BadRequest: no such unit; the line names near ones.
    """
    asked = re.sub(r"\s+", "_", name.strip().rstrip(".")).replace("°_", "°")
    asked = re.sub(r"(?i)degrees_", "degree_", asked).replace("μ", "µ")
    for one in (
        asked,
        re.sub(r"(?i)(?<=[a-z])s$", "", asked),
        re.sub(r"(?i)(ch|x)es$", r"\1", asked),
    ):
        if one in UNITS:
            return UNITS[one]
        if one.lower() in _FOLDED:
            return _FOLDED[one.lower()]
    near = difflib.get_close_matches(asked.lower(), _FOLDED, n=3)
    hint = f" Near: {', '.join(near)}." if near else ""
    raise BadRequest(f"There is no unit {name[:30]!r} here.{hint}")


def converted(amount: Fraction, source: Unit, target: Unit) -> Fraction:
    """
    Raises:
        BadRequest: they measure different things, or it is colder than can be.
    """
    if source.dimension != target.dimension:
        raise BadRequest(
            f"{source.name} is a {source.dimension} and {target.name} a {target.dimension}: "
            "one does not become the other."
        )
    base = (amount + source.zero) * source.factor
    if source.dimension == "temperature" and base < 0:
        raise BadRequest("That is colder than absolute zero.")
    return base / target.factor - target.zero


@tool()
def convert(
    context: ToolContext,
    amount: float,
    unit_from: str,
    unit_to: str,
) -> Outcome:
    """Convert units, such as miles to km."""
    if not math.isfinite(amount):
        raise BadRequest("amount is no number.")
    source, target = unit(unit_from), unit(unit_to)
    exact = converted(Fraction(repr(amount)), source, target)
    shown = written(exact).rpartition("≈ ")[2]
    about = "=" if Fraction(shown) == exact else "≈"
    given = f"{amount:g}" if amount == float(f"{amount:g}") else repr(amount)
    return Outcome(
        text=f"{given} {source.name} {about} {shown} {target.name}", data={"value": float(exact)}
    )
