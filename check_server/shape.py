"""The shape of JSON answers, merged over all of one kind, and how two shapes differ."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .masking import LIKE_AN_ID, Form, form_of, mask_key
from .vocabulary import KEYS

_MAX_DEPTH = 10
_MAX_PLACES = 400
_MAX_FORMS = 40
_MAX_SHOWN = 8
_MAX_ITEMS = 500
_WILDCARD = "<>"
_COMPARED_DETAILS = frozenset({"date-time", "integer", "undocumented value"})


@dataclass
class Place:
    """The forms seen at one path. Forms and keys are masked."""

    count: int = 0
    """How often the path was present."""
    parents: int = 0
    """In how many objects it could have been; 0: not in an object."""
    forms: set[Form] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    """Masked forms of undocumented keys."""

    @property
    def is_optional(self) -> bool:
        """Whether some objects do not have it."""
        return self.count < self.parents


class Shape:
    """Paths such as `items[].participants.total`, and the forms seen there.

    Undocumented keys share the path `<>`, as keys of a map do.
    """

    def __init__(self) -> None:
        self.places: dict[str, Place] = {}
        self._objects: dict[str, int] = {}

    def add(self, body: object) -> None:
        """Merge one answer into the shape."""
        self._add("", "", body, 0)
        for path, place in self.places.items():
            parent, _, key = path.rpartition(".")
            if key != _WILDCARD and not path.endswith("[]") and path:
                place.parents = self._objects.get(parent, 0)

    def _add(self, path: str, key: str, value: object, depth: int) -> None:
        place = self._place(path)
        if place is None:
            return
        place.count += 1
        if len(place.forms) < _MAX_FORMS:
            place.forms.add(form_of(key, value))
        if depth >= _MAX_DEPTH:
            return
        if isinstance(value, list):
            for item in value[:_MAX_ITEMS]:
                self._add(f"{path}[]", key, item, depth + 1)
        elif isinstance(value, dict):
            self._objects[path] = self._objects.get(path, 0) + 1
            for name, item in list(value.items())[:_MAX_ITEMS]:
                self._add_entry(path, name, item, depth + 1)

    def _add_entry(self, path: str, name: str, item: object, depth: int) -> None:
        if name in KEYS:
            self._add(f"{path}.{name}", name, item, depth)
            return
        at = f"{path}.{_WILDCARD}"
        self._add(at, "", item, depth)
        place = self.places.get(at)
        if place is not None and len(place.keys) < _MAX_FORMS:
            place.keys.add(mask_key(name))

    def _place(self, path: str) -> Place | None:
        if path not in self.places and len(self.places) >= _MAX_PLACES:
            return None
        return self.places.setdefault(path, Place())

    def id_forms(self) -> dict[str, set[str]]:
        """Return the masked ids of all paths, by key."""
        forms: dict[str, set[str]] = {}
        for path, place in self.places.items():
            key = path.rpartition(".")[2].removesuffix("[]")
            for form in place.forms:
                if form.kind == "id":
                    forms.setdefault(key, set()).add(form.detail)
        return forms

    def lines(self) -> Iterator[str]:
        """Yield a line for each path."""
        for path, place in self.places.items():
            name = path.removeprefix(".") or "(answer)"
            keys = f", keys {', '.join(_cut(place.keys))}" if place.keys else ""
            optional = " (sometimes)" if place.is_optional else ""
            yield f"{name}{optional}: {_listed(place.forms)}{keys}"


def differences(server: Shape, simulator: Shape) -> Iterator[str]:
    """Yield the paths and forms that only one of two shapes has.

    A path that the simulator has only sometimes may be missing. Values of enums and
    forms of ids may differ, as they depend on the accounts.
    """
    for path, place in server.places.items():
        other = simulator.places.get(path)
        name = path.removeprefix(".") or "(answer)"
        if other is None:
            if _is_comparable(path, simulator.places):
                yield f"`{name}` is new: {_listed(place.forms)}"
            continue
        if new := _new_forms(place, other):
            yield f"`{name}`: {_listed(new)}; simulator: {_listed(other.forms)}"
        if place.is_optional and not other.is_optional and path.rpartition(".")[1]:
            yield f"`{name}` is sometimes missing; the simulator always has it"
    for path, other in simulator.places.items():
        if (
            path not in server.places
            and not other.is_optional
            and not path.endswith(_WILDCARD)
            and not path.endswith("[]")
            and _is_comparable(path, server.places)
        ):
            name = path.removeprefix(".") or "(answer)"
            yield f"`{name}` is missing; simulator: {_listed(other.forms)}"


def _is_comparable(path: str, places: Mapping[str, Place]) -> bool:
    """Whether the other shape has an object or array in which the path could be."""
    parent = path[:-2] if path.endswith("[]") else path.rpartition(".")[0]
    container = Form("array" if path.endswith("[]") else "object")
    return parent in places and container in places[parent].forms


def _new_forms(place: Place, other: Place) -> list[Form]:
    kinds = {form.kind for form in other.forms}
    return [
        form
        for form in place.forms
        if form.kind not in kinds
        or (
            (form.kind in _COMPARED_DETAILS or form == LIKE_AN_ID)
            and form not in other.forms
        )
    ]


def _listed(forms: Collection[Form]) -> str:
    """Return forms as text, the details of one kind together."""
    bare = sorted(form.kind for form in forms if not form.detail)
    details: dict[str, list[str]] = {}
    for form in forms:
        if form.detail:
            details.setdefault(form.kind, []).append(form.detail)
    return ", ".join(
        [
            *bare,
            *(f"{kind} {', '.join(_cut(details[kind]))}" for kind in sorted(details)),
        ]
    )


def _cut(texts: Iterable[str]) -> list[str]:
    """Sort, and leave out all but the first few."""
    found = sorted(texts)
    return [*found[:_MAX_SHOWN], "…"] if len(found) > _MAX_SHOWN else found
