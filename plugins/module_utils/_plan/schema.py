# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Turn what a user wrote into dataclasses, and say everything that is wrong with it at once.

A schema is a frozen dataclass. Its annotations are the types: ``str``, ``int``, ``bool``, ``Any``, ``Literal[...]``,
``list[T]``, ``dict[str, T]``, another schema, or ``T | None``. A field without a default is required. A field made by
`checked` has a further rule. A schema with a ``shorthand`` attribute accepts a bare string for that one field.
"""

from __future__ import annotations

import difflib
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from .._core.finding import Finding, fail

T = TypeVar("T")
Rule = Callable[[Any], str]
_WORDS = {str: "a string", int: "a whole number", bool: "true or false", list: "a list", dict: "a mapping"}
_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}


class Reader:
    """Reads values by their schema and collects the problems as findings."""

    def __init__(self) -> None:
        self.problems: list[Finding] = []

    def problem(self, check: str, where: str, summary: str, hint: str) -> None:
        """Note one more problem at `where` (a file or variable, with the key in it)."""
        self.problems.append(fail(check, where, summary, hint))

    def read(self, schema: type[T], data: Any, where: str, partial: bool = False) -> T | None:
        """`data` as an instance of `schema`; None if any part of it was wrong.

        partial  only check what is there, required keys may be missing (for overrides); the answer is None
        """
        before = len(self.problems)
        values = self._values(schema, data, where, partial)
        if partial or len(self.problems) > before:
            return None
        return schema(**values)

    def _values(self, schema: type, data: Any, where: str, partial: bool) -> dict[str, Any]:
        shorthand = getattr(schema, "shorthand", None)
        if shorthand and isinstance(data, str):
            data = {shorthand: data}
        if not isinstance(data, Mapping):
            self._wrong_type(where, dict, data)
            return {}
        known = _fields(schema)
        values = {}
        for key, value in data.items():
            if key not in known:
                self.unknown(where, str(key), known)
                continue
            annotation, spec = known[key]
            place = join(where, key)
            before = len(self.problems)
            values[key] = self._value(annotation, value, place, partial)
            rule = spec.metadata.get("rule")
            if rule and len(self.problems) == before and (said := rule(values[key])):
                shown = "This" if spec.metadata.get("secret") else repr(value)
                self.problem("plan.value", place, f"{shown} will not do: {said}.", "Correct it there.")
        for key, (_annotation, spec) in known.items():
            if key not in data and not partial and _required(spec):
                self.problem("plan.missing", join(where, key), f"{key} is missing.", "Add it.")
        return values

    def _value(self, annotation: Any, value: Any, where: str, partial: bool) -> Any:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if annotation is Any:
            return value
        if origin in (Union, types.UnionType):
            if value is None and types.NoneType in arguments:
                return None
            return self._value(next(a for a in arguments if a is not types.NoneType), value, where, partial)
        if origin is Literal:
            if value not in arguments:
                words = [str(word) for word in arguments]
                self.problem(
                    "plan.value", where, f"{value!r} is not one of {', '.join(words)}.", nearest(str(value), words)
                )
            return value
        if origin is list:
            if not isinstance(value, (list, tuple)):
                return self._wrong_type(where, list, value)
            return [self._value(arguments[0], item, f"{where}[{n}]", partial) for n, item in enumerate(value)]
        if origin is dict:
            if not isinstance(value, Mapping):
                return self._wrong_type(where, dict, value)
            return {str(key): self._value(arguments[1], item, join(where, key), partial) for key, item in value.items()}
        if is_dataclass(annotation):
            inner = self._values(annotation, value, where, partial)
            return None if partial or self.problems_in(where) else annotation(**inner)
        return self._scalar(annotation, value, where)

    def _scalar(self, kind: type, value: Any, where: str) -> Any:
        if kind is bool and isinstance(value, str) and value.lower() in _BOOLEANS:
            return _BOOLEANS[value.lower()]
        if kind is int and isinstance(value, str) and value.isdigit():
            return int(value)
        if kind is str and isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            return self._wrong_type(where, kind, value)
        return value

    def problems_in(self, where: str) -> bool:
        """Whether a problem was noted at `where` or below it."""
        return any(item.target == where or item.target.startswith((f"{where}.", f"{where}[")) for item in self.problems)

    def unknown(self, where: str, key: str, known: Iterable[str]) -> None:
        """Note a key that nobody knows, with the nearest one that is known."""
        known = sorted(known)
        hint = nearest(key, known) or f"Known keys: {', '.join(known)}."
        self.problem("plan.key", join(where, key), f"{key} is not a known key.", hint)

    def _wrong_type(self, where: str, kind: type, value: Any) -> None:
        got = "nothing" if value is None else _WORDS.get(type(value), type(value).__name__)
        self.problem("plan.type", where, f"This has to be {_WORDS[kind]}, but is {got}.", "Correct the value there.")


def join(where: str, key: Any) -> str:
    """The place of `key` in `where`: ``file: key`` at the top, ``file: key.key`` below."""
    return f"{where}.{key}" if ": " in where else f"{where}: {key}"


def checked(rule: Rule, secret: bool = False, **options: Any) -> Any:
    """A dataclass field with a rule: a function that says what is wrong with a value, or ''.

    secret  the value itself is never shown in a message
    """
    return field(metadata={"rule": rule, "secret": secret}, **options)  # pylint: disable=invalid-field-call


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the most similar known word; '' when none is close."""
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"Did you mean {match[0]}?" if match else ""


def merge(base: Any, over: Any) -> Any:
    """`base` with `over` laid on it: mappings key by key, anything else replaced."""
    if isinstance(base, Mapping) and isinstance(over, Mapping):
        return {**base, **{key: merge(base.get(key), value) for key, value in over.items()}}
    return over


@cache
def _fields(schema: type) -> dict[str, tuple[Any, Field]]:
    hints = get_type_hints(schema)
    return {spec.name: (hints[spec.name], spec) for spec in fields(schema)}


def _required(spec: Field) -> bool:
    return spec.default is MISSING and spec.default_factory is MISSING
