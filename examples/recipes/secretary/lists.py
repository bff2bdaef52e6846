"""Units and places that requests name."""

UNITS = [
    ("miles", "km"), ("km", "miles"), ("kg", "pounds"), ("pounds", "kg"), ("feet", "meters"),
    ("meters", "feet"), ("inches", "cm"), ("cm", "inches"), ("liters", "gallons"), ("cups", "ml"),
    ("Fahrenheit", "Celsius"), ("Celsius", "Fahrenheit"), ("ounces", "grams"),
    ("acres", "hectares"), ("kilometres", "miles"), ("litres", "pints"), ("stone", "kg"),
    ("hours", "minutes"), ("days", "hours"), ("mph", "km/h"), ("GB", "MB"), ("kWh", "joules"),
    ("grams", "ounces"), ("yards", "meters"), ("knots", "mph"), ("weeks", "days"), ("tons", "kg"),
]  # fmt: skip
PLACES = "Tokyo London Paris Sydney Berlin Cairo Lima Moscow Dubai Rome Madrid Chicago".split()  # noqa: SIM905
UNSEEN_PLACES = "Vienna Oslo Nairobi Toronto Singapore Athens".split()  # noqa: SIM905
