"""A Jinja environment for chat templates, which come with the weights and are not trusted.

Three promises.  It cannot reach Python: Jinja's immutable sandbox, and on top of it only those
methods and filters that templates have a use for.  It ends soon and stays small: loops, calls and
every operation that makes text or lists are charged to a `Budget`.  And text keeps its provenance:
the template's literals are marked TEMPLATE where they are born.

It refuses to load other templates, and knows nothing of chats, tokens or models.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import Any

import jinja2
import jinja2.compiler
import jinja2.ext
import jinja2.nodes
import jinja2.runtime
import jinja2.sandbox

from fireside.tokenizer import provenance
from fireside.tokenizer.budget import MAX_NODES, OverBudget, charged, check_shape, spend
from fireside.tokenizer.filters import before_method, join, template_filters, template_functions
from fireside.tokenizer.provenance import GENERATED, TEMPLATE, Marked

_TEXT_METHODS = """
    capitalize count endswith find format index isalnum isalpha isdigit islower isnumeric isspace
    istitle isupper join lower lstrip partition removeprefix removesuffix replace rfind rindex
    rpartition rsplit rstrip split splitlines startswith strip title upper
"""
_METHODS: dict[type, frozenset[str]] = {
    str: frozenset(_TEXT_METHODS.split()),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
    int: frozenset(),
    float: frozenset(),
}
_WIDE_PERCENT = re.compile(r"%[-+ #0]*(?:\*|\d{3})|%[-+ #0\d]*\.(?:\*|\d{3})")
_WIDE_SPEC = re.compile(r"\d{3}")
_MAX_BITS = 4096


class _Generator(jinja2.compiler.CodeGenerator):
    """Jinja's code generator, with literals marked, joins followed and loops charged."""

    def visit_Const(self, node: jinja2.nodes.Const, frame: Any) -> None:  # noqa: N802
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

    def visit_Concat(self, node: jinja2.nodes.Concat, frame: Any) -> None:  # noqa: N802
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_Getitem(self, node: jinja2.nodes.Getitem, frame: Any) -> None:  # noqa: N802
        sliced = isinstance(node.arg, jinja2.nodes.Slice)
        self.write("environment.charged(" if sliced else "(")
        super().visit_Getitem(node, frame)
        self.write(")")

    def visit_List(self, node: jinja2.nodes.List, frame: Any) -> None:  # noqa: N802
        self._shaped(super().visit_List, node, frame)

    def visit_Dict(self, node: jinja2.nodes.Dict, frame: Any) -> None:  # noqa: N802
        self._shaped(super().visit_Dict, node, frame)

    def visit_Tuple(self, node: jinja2.nodes.Tuple, frame: Any) -> None:  # noqa: N802
        if node.ctx == "load":
            self._shaped(super().visit_Tuple, node, frame)
        else:
            super().visit_Tuple(node, frame)

    def _shaped(self, visit: Callable[[Any, Any], None], node: Any, frame: Any) -> None:
        self.write("environment.shaped(")
        visit(node, frame)
        self.write(")")

    def visit_For(self, node: jinja2.nodes.For, frame: Any) -> None:  # noqa: N802
        tick = jinja2.nodes.Call(
            jinja2.nodes.EnvironmentAttribute("tick"), [], [], None, None, lineno=node.lineno
        )
        node.body.insert(0, jinja2.nodes.ExprStmt(tick, lineno=node.lineno))
        super().visit_For(node, frame)


class _Generation(jinja2.ext.Extension):
    """`{% generation %}`: what stands inside is what a model is to learn."""

    tags = {"generation"}  # noqa: RUF012  # Jinja declares it so

    def parse(self, parser: Any) -> Any:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        call = self.call_method("_mark_generated")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _mark_generated(self, caller: Callable[[], str]) -> Marked:
        return provenance.add_label(caller(), GENERATED)


class _Formatter(jinja2.sandbox.SandboxedFormatter):
    def format_field(self, value: Any, format_spec: str) -> Any:
        if _WIDE_SPEC.search(format_spec):
            raise OverBudget("makes too much text")
        text = super().format_field(_plain(value), format_spec)
        spend(len(text))
        return text


class TemplateEnvironment(jinja2.sandbox.ImmutableSandboxedEnvironment):
    """The environment that every chat template is compiled in."""

    code_generator_class = _Generator
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,
            finalize=_finalized,
            extensions=[_Generation, jinja2.ext.loopcontrols],
        )
        self.filters = template_filters()
        self.globals = {"range": self.globals["range"], **template_functions()}

    # Names that generated code calls.

    @staticmethod
    @functools.lru_cache(maxsize=4096)
    def literal(text: str) -> Marked:
        return provenance.mark(text, TEMPLATE)

    @staticmethod
    def joined(parts: Iterable[object]) -> Marked:
        texts = []
        for part in parts:
            text = part if isinstance(part, str) else str(_finalized(part))
            spend(len(text))
            texts.append(text)
        return provenance.concat(texts)

    concat = joined
    charged = staticmethod(charged)

    @staticmethod
    def shaped(value: Any) -> Any:
        check_shape(value)
        return value

    @staticmethod
    def tick() -> None:
        """One turn of a loop; the charge is in `call`."""

    # What Jinja's sandbox asks.

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        owner = getattr(__obj, "__self__", None)
        if isinstance(owner, str):
            if __obj.__name__ == "join" and len(args) == 1:
                return join(args[0], owner)
            before_method(__obj.__name__, owner, args)
        elif isinstance(__obj, jinja2.runtime.Macro):
            check_shape(*args, *kwargs.values())
        spend(0)
        made = super().call(__context, __obj, *args, **kwargs)
        if isinstance(made, str) and not isinstance(made, Marked):
            made = provenance.derived(made, (*args, *kwargs.values(), owner))
        return charged(made)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, str) and operator in ("+", "%"):
            return self._text_binop(operator, left, right)
        if operator == "+":
            check_shape(left, right)
        elif operator != "%":
            _check_product(operator, left, right)
        made = super().call_binop(context, operator, left, right)
        if operator == "*":
            check_shape(made)
        return charged(made)

    @staticmethod
    def _text_binop(operator: str, left: str, right: Any) -> Marked:
        if operator == "+":
            if not isinstance(right, str):
                raise TypeError(f"can only concatenate text to text, not {type(right).__name__}")
            spend(len(left) + len(right))
            return provenance.concat((left, right))
        if _WIDE_PERCENT.search(left):
            raise OverBudget("makes too much text")
        check_shape(right)
        return charged(provenance.derived(str.__mod__(left, _plain(right)), (left, right)))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        for kind, methods in _METHODS.items():
            if isinstance(obj, kind):
                return attr in methods
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        if super().wrap_str_format(value) is None:
            return None
        pattern: str = value.__self__

        def safe_format(*args: Any, **kwargs: Any) -> Marked:
            text = _Formatter(self).vformat(_plain(pattern), args, kwargs)
            return provenance.derived(text, (pattern, args, kwargs))

        return safe_format


def _plain(text: Any) -> Any:
    """Text without its labels: C code that formats would call back into them."""
    return "".join((text,)) if isinstance(text, Marked) else text


def _finalized(value: Any) -> Any:
    """What an output may show: data.  A namespace or a macro would show Python."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | dict):
        check_shape(value)
    elif not (value is None or isinstance(value, int | float | jinja2.Undefined)):
        raise TypeError(f"the template writes a {type(value).__name__}, which is no text")
    return value


def _check_product(operator: str, left: Any, right: Any) -> None:
    """Refuses to repeat a text or list, or to raise a number, beyond any use."""
    for times, value in ((left, right), (right, left)):
        if isinstance(value, str | list | tuple) and isinstance(times, int):
            size = max(0, times) * len(value)
            if size > MAX_NODES and not isinstance(value, str):
                raise OverBudget("makes too large a list")
            spend(size)
            return
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * abs(right) if operator == "**" else left.bit_length()
        if max(bits, right.bit_length()) > _MAX_BITS:
            raise OverBudget("calculates with too large a number")
