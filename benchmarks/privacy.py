"""How much personal data is found, and what is taken for it that is none.

    python benchmarks/privacy.py [--shared ../shared/data] [--rounds 5] [--show NAME]

Found: the sentences of pii_templates.txt, filled with made-up values (`faker`, a fixed seed) of
several countries.  A value counts as found if every letter and digit of it lies in a finding; a
finding counts as right if it touches a value of its kind.  As written: the same kinds of numbers
with every separator that people use, and in the digits of other scripts.  Wrongly found: passages
of xquad_en (an encyclopaedia, full of real names), answers of instructions_train, reviews, forum
posts, e-mails and the source of Python's library; `--show KIND` prints them.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from faker import Faker

from fireside.language.sentences import sentences
from fireside.safety.privacy.finder import Finder, load_finder
from fireside.safety.privacy.kinds import KINDS

SLOT = re.compile(r"\{\{([a-z_]+)\}\}")
LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT")


@dataclass(frozen=True)
class Value:
    slot: str
    kind: str
    start: int
    end: int


# What each slot of the templates is to us; the others (countries, years, jobs) are nobody's.
KIND_OF = {
    "person": "NAME", "name": "NAME", "name_male": "NAME", "name_female": "NAME",
    "first_name": "NAME", "first_name_male": "NAME", "first_name_female": "NAME",
    "first_name_nonbinary": "NAME",
    "last_name": "NAME", "last_name_male": "NAME", "last_name_female": "NAME",
    "address": "ADDRESS", "phone_number": "PHONE", "email": "EMAIL",
    "credit_card_number": "CARD", "iban": "IBAN", "ssn": "ID", "us_driver_license": "ID",
    "ip_address": "IP",
}  # fmt: skip

ALSO = "ALSO"
"""Parts of addresses that need not be found, but are not wrong either."""
KIND_OF |= dict.fromkeys(
    ("building_number", "street_name", "secondary_address", "postcode", "zipcode", "city"), ALSO
)


def makers(fake: Faker, us: Faker) -> dict[str, Callable[[], object]]:
    return {
        "person": fake.name, "name": fake.name, "name_male": fake.name_male,
        "name_female": fake.name_female, "first_name": fake.first_name,
        "first_name_male": fake.first_name_male, "first_name_female": fake.first_name_female,
        "first_name_nonbinary": fake.first_name, "last_name": fake.last_name,
        "last_name_male": fake.last_name, "last_name_female": fake.last_name,
        "address": fake.address, "phone_number": fake.phone_number, "email": fake.email,
        "credit_card_number": fake.credit_card_number, "iban": fake.iban, "ssn": us.ssn,
        "us_driver_license": lambda: us.bothify("?#######").upper(), "ip_address": fake.ipv4,
        "organization": fake.company, "city": fake.city, "street_name": fake.street_name,
        "country": fake.country, "building_number": fake.building_number,
        "age": lambda: fake.random_int(1, 99), "secondary_address": us.secondary_address,
        "year": fake.year, "nationality": lambda: "Dutch", "postcode": fake.postcode,
        "zipcode": fake.postcode, "url": fake.url, "job": lambda: "baker",
        "prefix_male": lambda: "Mr.", "prefix_female": lambda: "Mrs.", "prefix": lambda: "Dr.",
        "date_time": fake.date, "date_of_birth": fake.date, "state_abbr": us.state_abbr,
        "day_of_week": us.day_of_week, "nation_woman": lambda: "Dutchwoman",
        "nation_plural": lambda: "Dutch",
    }  # fmt: skip


def filled(lines: list[str], locale: str, seed: int) -> Iterator[tuple[str, list[Value]]]:
    fake, us = Faker(locale), Faker("en_US")
    fake.seed_instance(seed)
    us.seed_instance(seed)
    make = makers(fake, us)
    for line in lines:
        text, values, last = "", [], 0
        for slot in SLOT.finditer(line):
            text += line[last : slot.start()].replace("\\n", "\n")
            value = str(make[slot[1]]())
            if slot[1] in KIND_OF:
                values.append(Value(slot[1], KIND_OF[slot[1]], len(text), len(text) + len(value)))
            text += value
            last = slot.end()
        yield text + line[last:].replace("\\n", "\n"), values


def measure(
    finder: Finder, lines: list[str], rounds: int, show: str, locales: Sequence[str] = LOCALES
) -> None:
    hits: dict[str, Counter[str]] = defaultdict(Counter)
    total: dict[str, Counter[str]] = defaultdict(Counter)
    right: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for place, locale in enumerate(locales):
        for seed in range(rounds):
            for text, values in filled(lines, locale, 100 * place + seed):
                found = finder.find(text)
                for one in found:
                    said[one.kind] += 1
                    touches = [v for v in values if v.start < one.end and one.start < v.end]
                    right[one.kind] += bool(touches)
                    if show == "wrong " + one.kind and not touches:
                        print("WRONG", repr(text[one.start : one.end]), "|", text[:150])
                for value in values:
                    if value.kind == ALSO:
                        continue
                    covered = all(
                        any(one.start <= at < one.end for one in found)
                        for at in range(value.start, value.end)
                        if text[at].isalnum()
                    )
                    group = value.slot if value.kind == "NAME" else value.kind
                    for row in {value.kind, group}:
                        total[row][locale] += 1
                        hits[row][locale] += covered
                    if show == value.kind and not covered:
                        print(
                            "MISSED", locale, repr(text[value.start : value.end]), "|", text[:150]
                        )
    print(f"{'':22}{'recall':>8}  " + "".join(f"{locale:>8}" for locale in locales))
    for row in sorted(total, key=lambda name: (name not in KINDS, name)):
        everywhere = sum(hits[row].values()) / sum(total[row].values())
        each = "".join(f"{hits[row][x] / max(1, total[row][x]):8.1%}" for x in locales)
        print(f"{row:22}{everywhere:8.1%}  {each}   of {sum(total[row].values())}")
    print("\nprecision: ", end="")
    print(", ".join(f"{k} {right[k] / said[k]:.1%} of {said[k]}" for k in sorted(said)))


SEPARATORS = {
    "none": "", "space": " ", "no-break space": "\u00a0", "narrow no-break space": "\u202f",
    "figure space": "\u2007", "thin space": "\u2009", "tab": "\t", "hyphen": "-",
    "no-break hyphen": "\u2011", "figure dash": "\u2012", "en dash": "\u2013", "em dash": "\u2014",
    "minus": "\u2212", "spaced hyphen": " - ", "dot": ".", "middle dot": "\u00b7", "slash": "/",
}  # fmt: skip
SCRIPTS = {"full-width": 0xFF10, "Arabic": 0x0660, "Persian": 0x06F0, "Devanagari": 0x0966}
NAMED = {
    "CARD": ("card number is {}", "credit card: {}", "my card {} is lost", "please charge {}"),
    "IBAN": ("iban {}", "my IBAN is {}", "pay into {} please"),
    "ID": ("ssn {}", "my social security number is {}", "SSN: {}"),
    "PHONE": ("call me at {}", "phone: {}", "my mobile is {}"),
}


def pieces(kind: str, fake: Faker) -> list[str]:
    """A value of a kind, in the groups in which it is written."""
    match kind:
        case "CARD":
            digits = fake.credit_card_number("visa16")
            return [digits[at : at + 4] for at in range(0, 16, 4)]
        case "IBAN":
            iban = fake.iban()
            return [iban[at : at + 4] for at in range(0, len(iban), 4)]
        case "ID":
            return str(Faker("en_US").ssn()).split("-")
    return ["+44", "7700", "900" + fake.numerify("###")]


def as_written(finder: Finder, rounds: int) -> None:
    """Recall by kind over separators, letter case and scripts."""
    fake = Faker("de_DE")
    Faker.seed(7)
    hits: dict[str, Counter[str]] = defaultdict(Counter)
    total: Counter[str] = Counter()
    for kind, frames in NAMED.items():
        for sentence in frames:
            for _ in range(rounds):
                groups = pieces(kind, fake)
                forms = {name: mark.join(groups) for name, mark in SEPARATORS.items()}
                forms["small letters"] = "".join(groups).lower()
                forms |= {
                    name: "".join(groups).translate({48 + n: first + n for n in range(10)})
                    for name, first in SCRIPTS.items()
                }
                total[kind] += 1
                for name, value in forms.items():
                    text = sentence.format(value)
                    start = text.index(value)
                    found = finder.find(text, [kind])
                    hits[name][kind] += all(
                        any(one.start <= at < one.end for one in found)
                        for at in range(start, start + len(value))
                        if text[at].isalnum()
                    )
    print(f"\n{'as written':22}" + "".join(f"{kind:>8}" for kind in NAMED))
    for name, counts in hits.items():
        print(f"{name:22}" + "".join(f"{counts[kind] / total[kind]:8.1%}" for kind in NAMED))


def wrongly(finder: Finder, what: str, texts: list[str], show: str) -> None:
    words = sum(len(text.split()) for text in texts)
    began = time.process_time()
    said: Counter[str] = Counter()
    for text in texts:
        for one in finder.find(text):
            said[one.kind] += 1
            if show == one.kind:
                print("FOUND", repr(text[one.start : one.end]), "|",
                      text[max(0, one.start - 30) : one.end + 20].replace("\n", " "))  # fmt: skip
    took = time.process_time() - began
    rates = ", ".join(f"{kind} {count * 1000 / words:.2f}" for kind, count in said.most_common())
    size = sum(map(len, texts))
    count = sum(len(sentences(text)) for text in texts)
    forms = sum(number for kind, number in said.items() if kind != "NAME")
    print(f"{what}: {words:,} words, found per 1,000 words: {rates or 'nothing'}")
    print(f"    {count:,} sentences, {forms * 1000 / count:.2f} findings without names per 1,000")
    print(f"    {took * 1e6 / size:.1f} µs a character of processor time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--show", default="", help="NAME: what was missed; 'wrong NAME'")
    parser.add_argument("--locales", default=",".join(LOCALES), help="of faker")
    parser.add_argument("--clean", action="store_true", help="only the texts without")
    given = parser.parse_args()
    began = time.perf_counter()
    finder = load_finder()
    print(f"loading: {time.perf_counter() - began:.1f} s")
    if not given.clean:
        lines = (given.shared / "pii_templates.txt").read_text(encoding="utf-8").splitlines()
        measure(finder, lines, given.rounds, given.show, given.locales.split(","))
        as_written(finder, given.rounds)
    show = given.show if given.clean else ""
    data = json.loads((given.shared / "xquad_en.json").read_text(encoding="utf-8"))["data"]
    passages = [p["context"] for article in data for p in article["paragraphs"]]
    wrongly(finder, "xquad_en", passages, show)
    rows = (given.shared / "instructions_train.jsonl").read_text(encoding="utf-8").splitlines()
    wrongly(finder, "instructions_train", [json.loads(row)["response"] for row in rows], show)
    for name in ("qa_amazon_reviews", "qa_reddit"):
        data = json.loads((given.shared / f"{name}.json").read_text(encoding="utf-8"))["data"]
        posts = sorted({p["context"] for article in data for p in article["paragraphs"]})[::4]
        wrongly(finder, name, posts, show)
    rows = (given.shared / "injection_emails_train.jsonl").read_text("utf-8").splitlines()
    wrongly(finder, "e-mails", [json.loads(row)["context"] for row in rows], show)
    library = Path(json.__file__).parent.parent
    code = [path.read_text("utf-8", "replace") for path in sorted(library.glob("[a-h]*.py"))]
    wrongly(finder, "Python's library", code, show)


if __name__ == "__main__":
    main()
