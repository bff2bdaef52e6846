"""A Jinja environment for chat templates, which come with the weights and are not trusted.

Three promises.  It cannot reach Python: Jinja's immutable sandbox, and on top of it only those
methods and filters that templates have a use for.  It ends soon and stays small: loops, calls and
every operation that makes text or lists are charged to a budget of CPU time and characters.  And
text keeps its provenance: the template's literals are `Marked` as TEMPLATE where they are born.

It refuses to load other templates, and knows nothing of chats, tokens or models.
"""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

import jinja2
import jinja2.compiler
import jinja2.ext
import jinja2.nodes
import jinja2.sandbox

from fireside.tokenizer import provenance
from fireside.tokenizer.provenance import GENERATED, TEMPLATE, Marked

MAX_SOURCE = 1 << 18
MAX_COLLECTION = 100_000
_NO_FILTERS = frozenset(
    "attr batch center filesizeformat forceescape indent pprint random slice urlize wordwrap "
    "xmlattr format escape e".split()
)
"""Of no use in a prompt, or able to make much out of little."""
_METHODS: dict[type, frozenset[str]] = {
    str: frozenset(
        "capitalize count endswith find format index isalnum isalpha isdigit islower isnumeric "
        "isspace istitle isupper join lower lstrip partition removeprefix removesuffix replace "
        "rfind rindex rpartition rsplit rstrip split splitlines startswith strip title "
        "upper".split()
    ),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
    int: frozenset(),
    float: frozenset(),
    bytes: frozenset(),
}
_WIDE = re.compile(r"[0-9]{4}")


class OverBudget(Exception):
    """The template ran too long or made too much."""


class Budget:
    """What one rendering may still use.

    seconds: of this thread's CPU time, so that a busy machine does not fail an honest template.
    characters: of all text that the template makes on its way, intermediate text included.
    """

    __slots__ = ("_deadline", "_left", "_ticks")

    def __init__(self, *, seconds: float, characters: int) -> None:
        self._deadline = time.thread_time() + seconds
        self._left = characters
        self._ticks = 0

    def spend(self, characters: int) -> None:
        self._left -= characters + 1
        if self._left < 0:
            raise OverBudget("makes too much text")
        self._ticks += 1
        if self._ticks & 63 == 0 and time.thread_time() > self._deadline:
            raise OverBudget("runs too long")


_budget: ContextVar[Budget] = ContextVar("budget")


@contextmanager
def spending(budget: Budget) -> Iterator[None]:
    """Templates rendered inside are charged to the budget."""
    token = _budget.set(budget)
    try:
        yield
    finally:
        _budget.reset(token)


def _weigh(value: object) -> int:
    return len(value) if isinstance(value, str | list | tuple | dict) else 0


def _charged(value: Any) -> Any:
    _budget.get().spend(_weigh(value))
    return value


class _Generator(jinja2.compiler.CodeGenerator):
    """Jinja's code generator, with literals marked, joins followed and loops charged."""

    def visit_Const(self, node: jinja2.nodes.Const, frame: Any) -> None:
        value = node.as_const(frame.eval_ctx)
        if isinstance(value, str):
            self.write(f"environment.literal({value!r})")
        else:
            super().visit_Const(node, frame)

    def _output_child_to_const(self, node: Any, frame: Any, finalize: Any) -> str:
        # Nothing is computed at compile time: that would go past the budget.
        if not isinstance(node, jinja2.nodes.TemplateData):
            raise jinja2.nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)

    def _output_const_repr(self, group: Iterable[Any]) -> str:
        return f"environment.literal({''.join(group)!r})"

    def visit_Concat(self, node: jinja2.nodes.Concat, frame: Any) -> None:
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_Getitem(self, node: jinja2.nodes.Getitem, frame: Any) -> None:
        if not isinstance(node.arg, jinja2.nodes.Slice):
            super().visit_Getitem(node, frame)
            return
        self.write("environment.charged(")
        super().visit_Getitem(node, frame)
        self.write(")")

    def visit_For(self, node: jinja2.nodes.For, frame: Any) -> None:
        tick = jinja2.nodes.Call(
            jinja2.nodes.EnvironmentAttribute("tick"), [], [], None, None, lineno=node.lineno
        )
        node.body.insert(0, jinja2.nodes.ExprStmt(tick, lineno=node.lineno))
        super().visit_For(node, frame)


class _Generation(jinja2.ext.Extension):
    """`{% generation %}`: what stands inside is what the model is to learn."""

    tags = {"generation"}  # noqa: RUF012  # Jinja's own declaration

    def parse(self, parser: Any) -> Any:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        call = self.call_method("_mark_generated")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _mark_generated(self, caller: Callable[[], str]) -> Marked:
        return provenance.add_label(caller(), GENERATED)


class _Namespace(jinja2.utils.Namespace):
    """`namespace()`, without names that Python keeps to itself."""

    def __init__(*args: Any, **kwargs: Any) -> None:  # noqa: N805  # `namespace(self=...)` is legal
        self, rest = args[0], args[1:]
        attributes = dict(*rest, **kwargs)
        for name in attributes:
            _public(name)
        jinja2.utils.Namespace.__init__(self, attributes)

    def __setitem__(self, name: str, value: Any) -> None:
        _public(name)
        super().__setitem__(name, value)


def _public(name: object) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise jinja2.exceptions.SecurityError(f"{name!r} is not a name for a namespace")


class TemplateEnvironment(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """The environment that every chat template is compiled in."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,
            extensions=[_Generation, jinja2.ext.loopcontrols],
        )
        self.filters = {
            name: _followed(function)
            for name, function in self.filters.items()
            if name not in _NO_FILTERS
        }
        self.filters.update(tojson=_to_json, join=_join, indent=_indent, safe=_unchanged)
        self.globals = {
            name: self.globals[name]
            for name in ("range", "joiner", "cycler")
            if name in self.globals
        }
        self.globals.update(
            dict=_new_dict,
            namespace=_Namespace,
            raise_exception=_raise_exception,
            strftime_now=_strftime_now,
        )

    # Names that the generated code calls.
    @staticmethod
    @functools.lru_cache(maxsize=4096)
    def literal(text: str) -> Marked:
        return provenance.mark(text, TEMPLATE)

    @staticmethod
    def joined(parts: Iterable[object]) -> Marked:
        made = provenance.concat([part if isinstance(part, str) else str(part) for part in parts])
        _budget.get().spend(len(made))
        return made

    concat = joined

    @staticmethod
    def charged(value: Any) -> Any:
        return _charged(value)

    @staticmethod
    def tick() -> None:
        """One turn of a loop; the charge is in `call`."""

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        _budget.get().spend(0)
        made = super().call(__context, __obj, *args, **kwargs)
        if isinstance(made, str) and not isinstance(made, Marked):
            made = provenance.derived(made, (*args, *kwargs.values(), _owner(__obj)))
        return _charged(made)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator in ("*", "**"):
            _check_size(operator, left, right)
        if operator == "%" and isinstance(left, str):
            if _WIDE.search(left):
                raise OverBudget("makes too much text")
            return _charged(provenance.derived(str.__mod__(left, right), (left, right)))
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return _charged(provenance.concat((left, right)))
        return _charged(super().call_binop(context, operator, left, right))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        for kind, methods in _METHODS.items():
            if isinstance(obj, kind):
                return attr in methods
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        wrapped = super().wrap_str_format(value)
        if wrapped is None:
            return None
        pattern = value.__self__

        def safe_format(*args: Any, **kwargs: Any) -> Marked:
            if _WIDE.search(pattern):
                raise OverBudget("makes too much text")
            plain = jinja2.sandbox.SandboxedFormatter(self).vformat(
                str.__getitem__(pattern, slice(None)), args, kwargs
            )
            return provenance.derived(plain, (pattern, args, kwargs))

        return safe_format


def _owner(method: object) -> object:
    return getattr(method, "__self__", None)


def _check_size(operator: str, left: Any, right: Any) -> None:
    """Refuses to repeat text or to raise a number beyond any use."""
    for times, value in ((left, right), (right, left)):
        if isinstance(value, str | list | tuple) and isinstance(times, int):
            _budget.get().spend(max(0, times) * len(value))
            return
    bits = left.bit_length() if isinstance(left, int) else 64
    power = right if operator == "**" and isinstance(right, int) else 1
    if bits * abs(power) > 4096 or (isinstance(right, int) and right.bit_length() > 4096):
        raise OverBudget("calculates with too large a number")


def _followed(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter whose result keeps what is known of its provenance, and is charged for."""

    @functools.wraps(function)
    def filtered(*args: Any, **kwargs: Any) -> Any:
        made = function(*args, **kwargs)
        if isinstance(made, str) and not isinstance(made, Marked):
            made = provenance.derived(made, (*args, *kwargs.values()))
        if isinstance(made, Iterator):
            return _charged_each(made)
        return _charged(made)

    return filtered


def _charged_each(items: Iterator[Any]) -> Iterator[Any]:
    for item in items:
        _budget.get().spend(0)
        yield item


def _unchanged(value: Any) -> Any:
    """`safe` means nothing where nothing is escaped."""
    return value


def _join(value: Iterable[object], d: str = "", attribute: str | None = None) -> Marked:
    items = list(value)
    if attribute is not None:
        items = [item.get(attribute, "") if isinstance(item, dict) else "" for item in items]
    texts = [item if isinstance(item, str) else str(item) for item in items]
    _budget.get().spend(sum(map(len, texts)) + len(d) * len(texts))
    return provenance.join(d, texts)


def _indent(s: str, width: int | str = 4, first: bool = False, blank: bool = False) -> Marked:
    margin = provenance.mark(" " * min(width, 64), TEMPLATE) if isinstance(width, int) else width
    lines: list[str] = []
    for number, line in enumerate(provenance.concat([s, "\n"] if blank else [s]).splitlines()):
        indented = (number > 0 or first) and (line or blank)
        lines.append(provenance.concat([margin, line]) if indented else line)
    _budget.get().spend(sum(map(len, lines)))
    return provenance.join("\n", lines)


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> Marked:
    """As transformers has it: Jinja's own escapes HTML, which no model was trained on."""
    if isinstance(indent, int):
        indent = min(indent, 64)
    text = json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )
    made = provenance.derived(text, (value,))
    _budget.get().spend(len(made))
    return made


def _new_dict(*args: Any, **kwargs: Any) -> dict[Any, Any]:
    return dict(*args, **kwargs)


def _raise_exception(message: str) -> None:
    raise jinja2.exceptions.TemplateError(message)


def _strftime_now(pattern: str) -> Marked:
    if len(pattern) > 200:
        raise OverBudget("makes too much text")
    # The clock is not the caller's text, but nor did the template write it.
    return provenance.mark(datetime.now().strftime(pattern), provenance.INPUT)  # noqa: DTZ005
