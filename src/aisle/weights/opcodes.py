"""Reads the pickle inside a torch file as a list of instructions, without ever running it.

`pickletools.genops` only decodes instructions. The interpreter below carries out the few that a state dict
needs and knows a handful of names; any other instruction, and any other name, is an error. Nothing is
imported or called on a file's behalf, so a hostile file can do no more than be refused.

Source: PEP 307 and the comments of the standard library's ``pickletools``; torch's ``torch/_utils.py`` for
what the arguments of its functions mean.
"""

import io
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from aisle.errors import WeightsError

MAX_INSTRUCTIONS = 5_000_000
"""A state dict has about forty per tensor; beyond this it is no state dict."""

_MAX_AXES = 8


@dataclass(frozen=True)
class Storage:
    """A block of numbers named in the pickle: its element type, key and length."""

    kind: str
    key: str
    length: int


@dataclass(frozen=True)
class TensorView:
    """A tensor as a window on a storage; sizes, strides and offset are checked to stay inside it."""

    storage: Storage
    offset: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True)
class _Name:
    """A name that the pickle mentions; never looked up."""

    dotted: str


_MARK = object()
_STORAGE_NAMES = {
    f"torch.{kind}Storage": kind
    for kind in ("Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
}
_KNOWN_NAMES = {
    "collections.OrderedDict",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    *_STORAGE_NAMES,
}
_LITERALS = {"BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
_PUTS = {"BINPUT", "LONG_BINPUT"}
_GETS = {"BINGET", "LONG_BINGET"}


def interpret(file: io.BytesIO, *, source: str) -> Any:
    """Read one pickle from a file's position on, leaving the position behind it.

    Parameters
    ----------
    file : io.BytesIO
        Positioned at the start of a pickle.
    source : str
        What to call the file in a message.

    Returns
    -------
    object
        Built of dict, list, tuple, str, int, float, bool, None, `Storage` and `TensorView` only.

    Raises
    ------
    WeightsError
        The pickle is cut short, holds an instruction or a name that no state dict needs, or a tensor that
        reaches outside its storage.
    """
    machine = _Machine(source)
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if number >= MAX_INSTRUCTIONS:
                raise machine.refusal(f"it holds over {MAX_INSTRUCTIONS} instructions")
            if opcode.name == "STOP":
                return machine.pop()
            machine.run(opcode.name, argument)
    except (ValueError, IndexError, OverflowError) as err:
        if isinstance(err, WeightsError):
            raise
        raise machine.refusal(f"its pickle is cut short or damaged ({err})") from err
    raise machine.refusal("its pickle has no end")


class _Machine:
    """The stack and the memo of a pickle, and the instructions that are carried out."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._simple: dict[str, Callable[[], None]] = {
            "MARK": lambda: self._stack.append(_MARK),
            "NONE": lambda: self._stack.append(None),
            "NEWTRUE": lambda: self._stack.append(True),
            "NEWFALSE": lambda: self._stack.append(False),
            "EMPTY_DICT": lambda: self._stack.append({}),
            "EMPTY_LIST": lambda: self._stack.append([]),
            "EMPTY_TUPLE": lambda: self._stack.append(()),
            "TUPLE": lambda: self._stack.append(tuple(self._pop_mark())),
            "TUPLE1": lambda: self._stack.append(self._pop_tuple(1)),
            "TUPLE2": lambda: self._stack.append(self._pop_tuple(2)),
            "TUPLE3": lambda: self._stack.append(self._pop_tuple(3)),
            "SETITEM": lambda: self._set_items(list(self._pop_tuple(2))),
            "SETITEMS": lambda: self._set_items(self._pop_mark()),
            "APPEND": lambda: self._append([self.pop()]),
            "APPENDS": lambda: self._append(self._pop_mark()),
            "REDUCE": self._reduce,
            "BUILD": self._build,
            "BINPERSID": self._persistent,
        }

    def refusal(self, reason: str) -> WeightsError:
        return WeightsError(f"{self._source} is not read: {reason}; use a state dict, or a safetensors file")

    def pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise self.refusal("its pickle is damaged (a value is missing)")
        return self._stack.pop()

    def run(self, name: str, argument: Any) -> None:
        if name in self._simple:
            self._simple[name]()
        elif name in _LITERALS:
            self._stack.append(argument)
        elif name in _PUTS:
            self._memo[argument] = self._peek()
        elif name in _GETS:
            if argument not in self._memo:
                raise self.refusal("its pickle is damaged (an unknown reference)")
            self._stack.append(self._memo[argument])
        elif name == "GLOBAL":
            self._stack.append(self._known_name(argument.replace(" ", ".", 1)))
        elif name != "PROTO":
            raise self.refusal(f"it holds the pickle instruction {name}, which a state dict does not need")

    def _known_name(self, dotted: str) -> _Name:
        if dotted not in _KNOWN_NAMES:
            raise self.refusal(f"it names the foreign type {dotted[:100]!r}")
        return _Name(dotted)

    def _peek(self) -> Any:
        value = self.pop()
        self._stack.append(value)
        return value

    def _pop_tuple(self, count: int) -> tuple[Any, ...]:
        return tuple(self.pop() for _ in range(count))[::-1]

    def _pop_mark(self) -> list[Any]:
        items: list[Any] = []
        while self._stack:
            value = self._stack.pop()
            if value is _MARK:
                return items[::-1]
            items.append(value)
        raise self.refusal("its pickle is damaged (a mark is missing)")

    def _set_items(self, items: list[Any]) -> None:
        target = self._peek()
        if not isinstance(target, dict) or len(items) % 2:
            raise self.refusal("its pickle is damaged (items for something that is no dict)")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key, str | int):
                raise self.refusal(f"a dict has a key of type {type(key).__name__}")
            target[key] = value

    def _append(self, items: list[Any]) -> None:
        target = self._peek()
        if not isinstance(target, list):
            raise self.refusal("its pickle is damaged (items for something that is no list)")
        target.extend(items)

    def _build(self) -> None:
        # An OrderedDict carries "_metadata", the versions of torch's layers; nothing here needs them.
        self.pop()
        if not isinstance(self._peek(), dict):
            raise self.refusal("it sets the state of something that is no dict")

    def _reduce(self) -> None:
        name, arguments = self._pop_tuple(2)
        if not isinstance(name, _Name) or not isinstance(arguments, tuple):
            raise self.refusal("its pickle is damaged (a call of something that is no function)")
        if name.dotted == "collections.OrderedDict" and arguments == ():
            self._stack.append({})
        elif name.dotted == "torch._utils._rebuild_tensor_v2" and len(arguments) in {6, 7}:
            self._stack.append(self._tensor(*arguments[:4]))
        elif name.dotted == "torch._utils._rebuild_parameter" and len(arguments) == 3:
            self._stack.append(arguments[0])
        else:
            raise self.refusal(f"it calls {name.dotted} in a way that no state dict does")

    def _persistent(self) -> None:
        match self.pop():
            case ("storage", _Name(dotted), str(key), str(), int(length), *rest) if (
                dotted in _STORAGE_NAMES and length >= 0 and rest in ([], [None])
            ):
                self._stack.append(Storage(_STORAGE_NAMES[dotted], key, length))
            case _:
                raise self.refusal("it refers to something that is no plain storage")

    def _tensor(self, storage: Any, offset: Any, sizes: Any, strides: Any) -> TensorView:
        if not (isinstance(storage, Storage) and isinstance(sizes, tuple) and isinstance(strides, tuple)):
            raise self.refusal("a tensor is not described as torch describes one")
        numbers = (offset, *sizes, *strides)
        if not all(type(number) is int and number >= 0 for number in numbers):
            raise self.refusal("a tensor has a negative or odd size, stride or offset")
        if len(sizes) != len(strides) or len(sizes) > _MAX_AXES:
            raise self.refusal(f"a tensor has {len(sizes)} sizes and {len(strides)} strides")
        count = prod(sizes)
        last = offset + sum((size - 1) * stride for size, stride in zip(sizes, strides, strict=True))
        if count and (last >= storage.length or count > storage.length):
            raise self.refusal(f"a tensor of {count} numbers reaches position {last} of a storage of {storage.length}")
        return TensorView(storage, offset, sizes, strides)
