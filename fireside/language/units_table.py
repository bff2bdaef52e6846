"""Units of measure and their factors, those of the SI brochure and of NIST SP 811, exactly.

It refuses money, whose rates nobody here knows.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

# Where case tells two units apart (mW, MW), both stand here: `units.py` asks for the exact one.
# dimension: "name = factor to the first unit: other names"
TABLE: Final = {
    "length": """
        m = 1: meter metre
        km = 1000: kilometer kilometre
        Mm = 1000000: megameter megametre
        cm = 1/100: centimeter centimetre
        mm = 1/1000: millimeter millimetre
        µm = 1/1000000: um micrometer micron
        nm = 1/1000000000: nanometer
        in = 127/5000: inch inches "
        ft = 381/1250: foot feet '
        yd = 1143/1250: yard
        mi = 1609.344: mile
        nmi = 1852: NM nautical_mile
        ly = 9460730472580800: light-year light_year lightyear
        au = 149597870700: astronomical_unit""",
    "mass": """
        kg = 1: kilogram kilo
        g = 1/1000: gram gramme
        mg = 1/1000000: milligram
        µg = 1/1000000000: ug microgram
        Mg = 1000: megagram
        t = 1000: tonne metric_ton
        lb = 0.45359237: pound lbs
        oz = 0.028349523125: ounce
        st = 6.35029318: stone
        ton = 907.18474: short_ton us_ton""",
    "time": """
        s = 1: second sec
        ms = 1/1000: millisecond
        µs = 1/1000000: us microsecond
        ns = 1/1000000000: nanosecond
        Ms = 1000000: megasecond
        min = 60: minute
        h = 3600: hour hr
        d = 86400: day
        week = 604800: wk
        year = 31557600: yr""",
    "volume": """
        l = 1: liter litre
        ml = 1/1000: mL milliliter millilitre cc
        cl = 1/100: centiliter centilitre
        dl = 1/10: deciliter decilitre
        hl = 100: hectoliter hectolitre
        Ml = 1000000: ML megaliter megalitre
        m³ = 1000: m3 cubic_meter cubic_metre
        cm³ = 1/1000: cm3 cubic_centimeter cubic_centimetre
        ft³ = 28.316846592: ft3 cubic_foot cubic_feet
        in³ = 0.016387064: in3 cubic_inch cubic_inches
        yd³ = 764.554857984: yd3 cubic_yard
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
        kB = 1000: KB kilobyte
        MB = 1000000: megabyte
        GB = 1000000000: gigabyte
        TB = 1000000000000: terabyte
        KiB = 1024: kibibyte
        MiB = 1048576: mebibyte
        GiB = 1073741824: gibibyte
        TiB = 1099511627776: tebibyte
        bit = 1/8: b
        kbit = 125: kb Kb kilobit
        Mbit = 125000: Mb megabit
        Gbit = 125000000: Gb gigabit
        Tbit = 125000000000: Tb terabit
        Kibit = 128: Kib kibibit
        Mibit = 131072: Mib mebibit
        Gibit = 134217728: Gib gibibit
        Tibit = 137438953472: Tib tebibit""",
    "energy": """
        J = 1: joule
        mJ = 1/1000: millijoule
        kJ = 1000: kilojoule
        MJ = 1000000: megajoule
        cal = 4.184: calorie
        kcal = 4184: Cal kilocalorie
        mWh = 3.6: milliwatt_hour milliwatt-hour
        Wh = 3600: watt_hour watt-hour
        kWh = 3600000: kilowatt_hour kilowatt-hour
        MWh = 3600000000: megawatt_hour megawatt-hour
        BTU = 1055.05585262:""",
    "power": """
        W = 1: watt
        mW = 1/1000: milliwatt
        kW = 1000: kilowatt
        MW = 1000000: megawatt
        GW = 1000000000: gigawatt
        hp = 745.69987158227022: horsepower""",
    "pressure": """
        Pa = 1: pascal
        mPa = 1/1000: millipascal
        hPa = 100: hectopascal
        kPa = 1000: kilopascal
        MPa = 1000000: megapascal
        bar = 100000:
        mbar = 100: millibar
        Mbar = 100000000000: megabar
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
    "°C": (Fraction(1), Fraction("273.15"), "c ℃ celsius degc degree_c degree_celsius centigrade"),
    "°F": (Fraction(5, 9), Fraction("459.67"), "f ℉ fahrenheit degf degree_f degree_fahrenheit"),
    "K": (Fraction(1), Fraction(0), "kelvin degree_kelvin"),
}
