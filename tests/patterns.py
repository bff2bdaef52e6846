"""Finds the regular expressions of the package, and texts that are hard for each of them.

A pattern is hard for a text where Python's matcher comes back to the same place again and again.
The texts are made from the pattern's own tree: for each repeat, what stands before it, then the
repeat's characters many times over, then a character that fits nothing.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import signal
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from types import ModuleType
from typing import Any, Final

import fireside

FUNCTIONS: Final = frozenset(
    ("compile", "search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer")
)
REPEATS: Final = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)
LARGE: Final = 256  # a repeat of fewer is a constant
ORDINARY: Final = " \na1-.A@_,'\"#|*`\t/:+()[]{}<>=\\!?é中。esnx0\xa0’%&$~"
MOST_UNITS: Final = 40
MOST_HEADS: Final = 40


@dataclass(slots=True)
class Pattern:
    """methods: how the package uses it, as far as that can be read off its source."""

    compiled: re.Pattern[str]
    where: str
    methods: set[str] = field(default_factory=set)

    def run(self, text: str) -> None:
        if self.methods and self.methods <= {"match", "fullmatch"}:
            for method in self.methods:
                getattr(self.compiled, method)(text)
        else:
            for _ in self.compiled.finditer(text):
                pass


# Where patterns stand.


def modules() -> list[ModuleType]:
    names = [each.name for each in pkgutil.walk_packages(fireside.__path__, "fireside.")]
    return [
        importlib.import_module(name)
        for name in names
        if not name.endswith("__main__") and ".migrations." not in name
    ]


def written(module: ModuleType) -> Iterator[tuple[ast.Call, str, str]]:
    """Each call of `re` in a module's source, the function of `re`, and the pattern's source."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            of, function = node.func.value, node.func.attr
            if isinstance(of, ast.Name) and of.id in ("re", "regex") and function in FUNCTIONS:
                yield node, function, ast.unparse(node.args[0])


def value_of(node: ast.expr, module: ModuleType) -> Any:
    """What an expression is, in its module; a local name inside an f-string is a word.

    Raises: NameError and the like, where only the run tells.
    """
    names = vars(module)
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value
            if isinstance(part, ast.Constant)
            else _word_or(part.value, names)
            for part in node.values
        )  # fmt: skip
    return eval(compile(ast.Expression(node), module.__name__, "eval"), dict(names))


def _word_or(node: ast.expr, names: Mapping[str, Any]) -> str:
    try:
        return str(eval(compile(ast.Expression(node), "part", "eval"), dict(names)))
    except NameError:
        return "word"


def literal(node: ast.Call, module: ModuleType) -> re.Pattern[str] | None:
    """The pattern of a call of `re`; None where it is a pattern already, or one of bytes."""
    pattern = value_of(node.args[0], module)
    if isinstance(pattern, re.Pattern):
        return None
    if isinstance(pattern, bytes):
        pattern = pattern.decode("latin-1")
    flags = 0
    for each in (*node.args[1:], *(word.value for word in node.keywords if word.arg == "flags")):
        try:
            value = value_of(each, module)
        except (NameError, AttributeError):
            continue
        flags |= int(value) if isinstance(value, re.RegexFlag) else 0
    return re.compile(pattern, flags)


def held(value: object, where: str, seen: set[int], depth: int = 0) -> Iterator[Pattern]:
    """Every pattern in a value of ours: in tables, tuples, classes and objects."""
    if isinstance(value, re.Pattern):
        if isinstance(value.pattern, str):
            yield Pattern(value, where)
        return
    ours = getattr(type(value) if not isinstance(value, type) else value, "__module__", "")
    within: Iterable[tuple[object, object]] = ()
    if isinstance(value, Mapping):
        within = list(value.items())
    elif isinstance(value, list | tuple | set | frozenset):
        within = list(enumerate(value))
    elif str(ours).startswith("fireside"):
        slots = (slot for kind in type(value).__mro__ for slot in getattr(kind, "__slots__", ()))
        names = [*getattr(value, "__dict__", ()), *slots]
        within = [(name, getattr(value, name)) for name in names if hasattr(value, name)]
    if id(value) in seen or depth > 8:
        return
    seen.add(id(value))
    for name, each in within:
        yield from held(each, f"{where}.{name}"[:90], seen, depth + 1)


def methods_by_name(module: ModuleType) -> dict[str, set[str]]:
    """name -> what is called on it, in one module."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    calls: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or node.attr not in FUNCTIONS:
            continue
        if isinstance(node.value, ast.Name):
            calls.setdefault(node.value.id, set()).add(node.attr)
    return calls


# Texts that are hard for a pattern.


@dataclass(frozen=True, slots=True)
class HardText:
    head: str
    unit: str

    def of(self, size: int) -> str:
        return self.head + self.unit * (size // len(self.unit)) + "\0"


def hard_texts(pattern: re.Pattern[str]) -> list[HardText]:
    """[] where every repeat is bounded."""
    tree = _parser.parse(pattern.pattern, pattern.flags)
    repeats = list(_repeats(tree, ("", "")))
    if not repeats:
        return []
    letters = {letter for _, body in repeats for letter in _letters(body)}
    marks = [each for each in _letters(tree) if not each.isalnum()]
    units = [each for each in chain(ORDINARY, marks) if each in letters]
    units += [a + b for a in " ,.-'\n" for b in "a1 " if a in letters and b in letters]
    for heads, body in repeats:
        units += [_example(body, pick, 1) for pick in range(3)]
        units += [head + _example(body, 0, 1) for head in heads]
    units += [_example(tree, pick, least) for pick in range(3) for least in (0, 1)]
    units += [each[:-1] for each in units[-6:]]
    plain = [HardText("", each) for each in dict.fromkeys(units) if each][:MOST_UNITS]
    headed = (
        HardText(head, letter)
        for heads, body in repeats
        for letter in _letters(body)[:4]
        for head in dict.fromkeys(heads)
        if head
    )
    return plain + list(islice(dict.fromkeys(headed), MOST_HEADS))


def _repeats(tree: Any, heads: tuple[str, str]) -> Iterator[tuple[tuple[str, str], Any]]:
    """(what may stand before it, its body) of each repeat without a bound."""
    for place, (code, given) in enumerate(tree):
        before = tuple(
            head + _example(tree[:place], 0, least) for least, head in enumerate(heads)
        )  # fmt: skip
        if code in REPEATS and (given[1] is op.MAXREPEAT or given[1] >= LARGE):
            yield before, given[2]  # type: ignore[misc]
        for below in _below(code, given):
            yield from _repeats(below, before)  # type: ignore[arg-type]


def _below(code: Any, given: Any) -> list[Any]:
    if code in REPEATS:
        return [given[2]]
    if code is op.SUBPATTERN:
        return [given[3]]
    if code is op.BRANCH:
        return list(given[1])
    if code in (op.ASSERT, op.ASSERT_NOT):
        return [given[1]]
    if code is op.ATOMIC_GROUP:
        return [given]
    return []


def _letters(tree: Any) -> list[str]:
    """Some of the characters that a tree can match."""
    found: list[str] = []
    for code, given in tree:
        if code is op.LITERAL:
            found.append(chr(given))
        elif code in (op.ANY, op.NOT_LITERAL):
            found += [each for each in " a1." if code is op.ANY or ord(each) != given]
        elif code is op.IN:
            found += _members(given)
        for below in _below(code, given):
            found += _letters(below)
    return list(dict.fromkeys(found))


def _members(given: Any) -> list[str]:
    """Some of the characters of a set: ordinary ones, and those that it names."""
    one = re.compile(_set_of(given))
    named = [chr(value) for code, value in given if code is op.LITERAL]
    named += [chr(value[0]) for code, value in given if code is op.RANGE]
    return [each for each in dict.fromkeys([*ORDINARY, *named]) if one.fullmatch(each)]


def _set_of(given: Any) -> str:
    written = ""
    names = {
        op.CATEGORY_DIGIT: r"\d", op.CATEGORY_NOT_DIGIT: r"\D", op.CATEGORY_SPACE: r"\s",
        op.CATEGORY_NOT_SPACE: r"\S", op.CATEGORY_WORD: r"\w", op.CATEGORY_NOT_WORD: r"\W",
    }  # fmt: skip
    for code, value in given:
        if code is op.NEGATE:
            written += "^"
        elif code is op.LITERAL:
            written += re.escape(chr(value))
        elif code is op.RANGE:
            written += f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
        elif code is op.CATEGORY:
            written += names[value]
    return f"[{written}]"


def _example(tree: Any, pick: int, least: int) -> str:
    """A text that the tree matches, more or less.  least: how often an optional part stands."""
    text = ""
    for code, given in tree:
        if code is op.LITERAL:
            text += chr(given)
        elif code in (op.ANY, op.NOT_LITERAL):
            text += "a" if code is op.ANY or given != ord("a") else "b"
        elif code is op.IN:
            members = _members(given) or ["a"]
            text += members[pick % len(members)]
        elif code in REPEATS:
            text += _example(given[2], pick, least) * max(given[0], min(least, int(given[1])))
        elif code is op.BRANCH:
            text += _example(given[1][pick % len(given[1])], pick, least)
        elif code is op.SUBPATTERN or code is op.ATOMIC_GROUP:
            text += _example(_below(code, given)[0], pick, least)
    return text


# How the time grows.

SIZE: Final = 4_096
CHEAP: Final = 0.004
"""Seconds at SIZE below which no text is tried again: what grows as the square takes 40 ms."""
LIMIT: Final = 1.0


class OverTheLimit(Exception):
    pass


def seconds(pattern: Pattern, text: str, limit: float = LIMIT) -> float:
    """Processor time, at most `limit`: `re` looks for signals while it searches."""

    def stop(*_: object) -> None:
        raise OverTheLimit

    before = signal.signal(signal.SIGVTALRM, stop)
    start = time.thread_time()
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, limit)
        pattern.run(text)
    except OverTheLimit:
        return limit
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return time.thread_time() - start


def slow_text(pattern: Pattern) -> str | None:
    """The first text whose time grows faster than its length; None where there is none."""
    for hard in hard_texts(pattern.compiled):
        once = seconds(pattern, hard.of(SIZE))
        if once < CHEAP:
            continue
        once = min(once, seconds(pattern, hard.of(SIZE)))
        if once >= LIMIT or _grows(pattern, hard, once):
            return f"{hard.head!r} + {hard.unit!r} * n"
    return None


def _grows(pattern: Pattern, hard: HardText, once: float) -> bool:
    """Four times the text takes 4 times as long, or 16 times: 8 lies as far from both.  A busy
    machine makes one measurement slow, but not each of five."""
    text = hard.of(4 * SIZE)
    return all(seconds(pattern, text, 8 * once) >= 8 * once for _ in range(5))
