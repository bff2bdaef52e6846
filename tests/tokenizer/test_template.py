"""A chat template may be hostile: it ends soon, stays small, reaches nothing, says one line."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import Any

import jinja2.filters
import pytest

from fireside.errors import BadRequest
from fireside.messages import Message, ToolCall
from fireside.tokenizer import template as template_module
from fireside.tokenizer.budget import Budget, OverBudget, check_shape, spending
from fireside.tokenizer.template import ChatTemplate
from tests.measures import seconds

CHAT = [Message(role="user", content="hello"), Message(role="assistant", content="hi")]


def render(source: str, chat: list[Message] = CHAT, **options: Any) -> str:
    made = ChatTemplate(source, {"bos_token": "<s>", "eos_token": "</s>"}).render(chat, **options)
    return "".join((made,))


ENDLESS = {
    "nested loops": "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}"
    "{% endfor %}{% endfor %}{% endfor %}",
    "filtered loops": "{% for a in range(99999) %}{% for b in range(99999) if false %}"
    "{% endfor %}{% endfor %}",
    "lazy filters": "{% for a in range(99999) %}"
    "{{ range(99999) | map('string') | list | length }}{% endfor %}",
    "a macro that branches": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}"
    "{% endmacro %}{{ m(99) }}",
}
HUGE = {
    "text times": "{{ 'a' * 10**12 }}",
    "times text": "{{ 10**12 * 'a' }}",
    "list times": "{{ [1] * 10**10 }}",
    "doubling": "{% set n = namespace(t='aaaaaaaa') %}{% for i in range(60) %}"
    "{% set n.t = n.t + n.t %}{% endfor %}",
    "doubling by tilde": "{% set n = namespace(t='aaaaaaaa') %}{% for i in range(60) %}"
    "{% set n.t = n.t ~ n.t %}{% endfor %}",
    "doubling messages": "{% set n = namespace(t=messages[0].content) %}"
    "{% for i in range(60) %}{% set n.t = n.t + n.t %}{% endfor %}",
    "doubling lists": "{% set n = namespace(t=[1]) %}{% for i in range(60) %}"
    "{% set n.t = n.t + n.t %}{% endfor %}",
    "a block": "{% set x %}"
    + "{% for i in range(99999) %}"
    + "a" * 5000
    + "{% endfor %}{% endset %}",
    "output": "{% for i in range(99999) %}" + "a" * 5000 + "{% endfor %}",
    "replace": "{% set a = 'a' * 4000000 %}{{ a | replace('a', a) }}",
    "replace method": "{% set a = 'a' * 4000000 %}{{ a.replace('a', a) }}",
    "replace nothing": "{% set a = 'a' * 4000000 %}{{ a.replace('', a) }}",
    "join": "{% set a = 'a' * 4000000 %}{{ [1,2,3,4,5,6,7,8,9] | join(a) }}",
    "join method": "{% set a = 'a' * 4000000 %}{{ a.join(['b', 'b', 'b', 'b', 'b', 'b', 'b']) }}",
    "join of text": "{% set a = 'a' * 40000 %}{{ a.join(a) }}",
    "letters": "{{ ('a ' * 4000000).split() | length }}",
    "list of letters": "{{ ('a' * 4000000) | list | length }}",
    "lines": "{{ ('\n' * 4000000).splitlines() | length }}",
    "width": "{{ '%1000000000d' % 1 }}",
    "star": "{{ '%*d' % (1000000000, 1) }}",
    "precision": "{{ '%.1000000000f' % 1.5 }}",
    "format": "{{ '{:1000000000}'.format(1) }}",
    "nested format": "{{ '{:{w}}'.format(1, w=1000000000) }}",
    "format map": "{{ '{a:1000000000}'.format_map({'a': 1}) }}",
    "list of lists": "{% set n = namespace(a=[1]) %}{% for i in range(60) %}"
    "{% set n.a = [n.a, n.a] %}{% endfor %}{{ n.a }}",
    "tuple of tuples": "{% set n = namespace(a=(1,)) %}{% for i in range(60) %}"
    "{% set n.a = (n.a, n.a) %}{% endfor %}{{ n.a == n.a }}",
    "dict of dicts": "{% set n = namespace(a={}) %}{% for i in range(60) %}"
    "{% set n.a = {'x': n.a, 'y': n.a} %}{% endfor %}{{ n.a | tojson }}",
    "dict of dicts by name": "{% set n = namespace(a={}) %}{% for i in range(60) %}"
    "{% set n.a = dict(x=n.a, y=n.a) %}{% endfor %}",
    "arguments": "{% macro m(n) %}{% if n < 60 %}{{ m(n + 1, varargs, varargs) }}"
    "{% endif %}{% endmacro %}{{ m(1, 2, 3) }}",
    "power": "{{ 9 ** (9 ** 9) }}",
    "products": "{% set n = namespace(a=10**30) %}{% for i in range(99) %}"
    "{% set n.a = n.a * n.a %}{% endfor %}",
    "round": "{{ 1 | round(1000000000, 'ceil') }}",
    "strftime": "{{ strftime_now('%Y' * 10000) }}",
    "indent": "{{ 'a\n' * 100000 | indent(1000000) }}",
    "json indent": "{{ messages | tojson(indent=100000000) | length > 9000 or nothing.x }}",
    "range": "{{ range(10**10) | list }}",
}
FORBIDDEN = {
    "classes": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "getitem": "{{ ''['__class__'] }}",
    "attr filter": "{{ '' | attr('__class__') }}",
    "map attribute": "{{ [''] | map(attribute='__class__') | join }}",
    "format attribute": "{{ '{0.__class__}'.format('') }}",
    "globals": "{{ raise_exception.__globals__ }}",
    "namespace": "{{ namespace(__class__=1) }}",
    "namespace set": "{% set n = namespace() %}{% set n._x = 1 %}",
    "init": "{{ cycler.__init__.__globals__.os }}",
    "self": "{{ self._TemplateReference__context }}",
    "append": "{{ messages.append(1) }}",
    "update": "{{ messages[0].update({'role': 'x'}) }}",
    "labels": "{{ messages[0].content._runs }}",
    "runs": "{{ messages[0].content['_runs'] }}",
    "mark": "{{ messages[0].content._changed('<s>') }}",
    "encode": "{{ 'a'.encode() }}",
    "padding": "{{ 'a'.ljust(1000000000) }}",
    "number": "{{ (1).to_bytes(1000000000) }}",
    "include": "{% include '/etc/passwd' %}",
    "import": "{% import 'os' as os %}",
    "environment": "{{ environment }}{{ x() }}",
    "a macro as text": "{% macro m() %}{% endmacro %}{{ m }}",
    "a namespace as text": "{{ namespace(a=1) }}",
    "a generator as text": "{{ ['a'] | map('upper') }}",
}


@pytest.mark.parametrize("way", sorted(ENDLESS))
def test_an_endless_template_is_stopped(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(template_module, "SECONDS", 0.3)

    def stop() -> None:
        with pytest.raises(BadRequest, match="runs too long; it was stopped"):
            render(ENDLESS[way])

    assert seconds(stop) < 3


@pytest.mark.parametrize("way", sorted(HUGE))
def test_a_template_that_makes_too_much_is_stopped(way: str) -> None:

    def stop() -> None:
        with pytest.raises(BadRequest) as raised:
            render(HUGE[way])
        assert "\n" not in str(raised.value)
        assert len(str(raised.value)) < 400

    assert seconds(stop) < 2.5


@pytest.mark.parametrize("way", sorted(FORBIDDEN))
def test_a_template_reaches_nothing_but_the_chat(way: str) -> None:
    with suppress(BadRequest):
        assert render(FORBIDDEN[way]) == ""  # what is not there shows as nothing


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{% if %}", "broken: Expected an expression"),
        ("{{ x", "broken"),
        ("{% for %}", "broken"),
        ("{{ 1 | no_such_filter }}", "broken: No filter named 'no_such_filter'"),
        ("{{ " + "(" * 5000, "broken"),
        ("{% if x %}" * 200 + "{% endif %}" * 200, "broken"),
        ("a" * (1 << 18) + "b", "longer than"),
        ("{{ raise_exception('Only\nusers!') }}", "refuses: Only users!"),
        ("{{ nothing.at.all }}", "failed: 'nothing' is undefined"),
        ("{{ 1 // 0 }}", "failed"),
        ("{{ 'a' + 1 }}", "failed: can only concatenate text"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "calls itself without end"),
    ],
)
def test_a_broken_template_says_one_line(source: str, says: str) -> None:
    with pytest.raises(BadRequest) as raised:
        render(source)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_templates_have_what_transformers_gives_them() -> None:
    assert render("{{ bos_token }}{{ messages[-1].role }}{{ eos_token }}") == "<s>assistant</s>"
    assert render("{{ {'b': '<é>', 'a': [1, none]} | tojson }}") == '{"b": "<é>", "a": [1, null]}'
    assert render("{{ {'a': 1} | tojson(indent=2) }}") == '{\n  "a": 1\n}'
    assert (
        render("{{ {'b': 1, 'a': 2} | tojson(sort_keys=true, separators=(',', ':')) }}")
        == '{"a":2,"b":1}'
    )
    assert render("{{ strftime_now('%Y') }}").isdigit()
    assert (
        render(
            "{% for m in messages %}{% if loop.first %}{% continue %}"
            "{% endif %}{{ m.content }}{% endfor %}"
        )
        == "hi"
    )
    assert render("  {% if true %}\nx\n  {% endif %}\n") == "x\n"
    assert (
        render("{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}")
        == "TrueTrueFalse"
    )
    assert (
        render("{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}") == "aba"
    )
    assert render("{{ '%s-%d' % ('a', 3) }}{{ '{:>3}{}'.format(1, 'x') }}") == "a-3  1x"
    assert (
        render(
            "{{ messages | selectattr('role', 'equalto', 'user') "
            "| map(attribute='content') | join(',') }}"
        )
        == "hello"
    )
    assert render("{{ 'a\nb' | indent(2) }}|{{ 'a\nb' | indent(2, true) }}") == "a\n  b|  a\n  b"
    for text in ("a\n", "a\n\nb\n\n", "", "\n"):  # as Jinja's own
        for way in ((2,), (2, True), (2, True, True), ("> ",), (70, True)):
            arguments = ", ".join(map(json.dumps, way))
            wanted = jinja2.filters.do_indent(text, *way)
            assert render("{{ " + json.dumps(text) + f" | indent({arguments}) }}}}") == wanted
    assert (
        render("{{ ['b', 'a'] | sort | join }}{{ [1, 2] | sum }}{{ 1.26 | round(1) }}") == "ab31.3"
    )


def test_arguments_of_calls_are_objects_where_they_can_be() -> None:
    def arguments(text: str) -> str:
        call = ToolCall(id="1", name="f", arguments=text)
        chat = [Message(role="assistant", tool_calls=(call,))]
        return render("{{ messages[0].tool_calls[0].function.arguments | tojson }}", chat)

    assert arguments('{"a": [1, "x"]}') == '{"a": [1, "x"]}'
    assert arguments("[1]") == '"[1]"'
    assert arguments("{broken") == '"{broken"'
    assert arguments("[" * 100_000) == '"' + "[" * 100_000 + '"'


def test_what_is_no_json_is_named_not_shown() -> None:
    class Secret:
        key = "hunter2"

        def __repr__(self) -> str:
            return self.key

    shown = render(
        "{{ tools | tojson }}{{ x.key }}",
        tools=[{"a": Secret(), "b": (1, 2.5)}],
        variables={"x": Secret()},
    )
    assert shown == '[{"a": "<Secret>", "b": [1, 2.5]}]'


def test_a_long_chat_costs_little() -> None:
    source = "{% for m in messages %}<|{{ m.role }}|>{{ m.content | trim }}<|end|>\n{% endfor %}"
    chat = [Message(role="user", content="x" * 1000) for _ in range(2000)]
    assert len(render(source, chat)) > 2_000_000
    assert seconds(lambda: render(source, chat), tries=3) < 1.0


def test_a_megabyte_of_content_is_no_loop() -> None:
    chat = [Message(role="user", content="line of text\n" * 80_000)]
    assert (
        len(render("{{ messages[0].content.strip().split('\n') | join('\n') }}", chat)) > 1_000_000
    )


def test_renderings_in_two_threads_have_two_budgets() -> None:
    made = ChatTemplate("{% for i in range(500) %}{{ messages[0].content }}{% endfor %}", {})
    shown: list[int] = []
    threads = [
        threading.Thread(target=lambda: shown.append(len(made.render(CHAT)))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shown == [2500] * 4


def test_shapes_are_counted_through() -> None:
    shared: list[Any] = ["x"]
    for _ in range(30):
        shared = [shared, shared]
    with spending(Budget(seconds=1, characters=1 << 20)):
        check_shape(["a"] * 1000, {"b": [1, {"c": "d"}]}, "text", 3)
        with pytest.raises(OverBudget, match="too large a list"):
            check_shape(shared)
        with pytest.raises(OverBudget, match="too large a list"):
            check_shape(["a" * 1000] * 2000)
