"""Run by the Python of an SDK's environment: does its type accept these bodies?

Reads `[[kind, body], ...]` from standard input, with kind `chat_create`, `chat_start` or
`message_send` or, with a query for the body, `chat_search` or `message_search`, and writes a line for each body that the SDK would not have sent like
that.
"""

import importlib
import json
import sys
from typing import Annotated, Any, Required, get_args, get_origin, get_type_hints

from beeper_desktop_api._utils import PropertyInfo, maybe_transform
from pydantic import TypeAdapter


def params_type(kind: str) -> Any:
    module: Any = importlib.import_module(f"beeper_desktop_api.types.{kind}_params")
    if hasattr(module, "SequenceNotStr"):
        module.SequenceNotStr = list  # pydantic knows no such protocol.
    params = f"{kind.title().replace('_', '')}Params"
    for name in ("User", "Attachment", "AttachmentSize", params):
        if hasattr(module, name):
            strict = {"extra": "forbid", "strict": True}
            getattr(module, name).__pydantic_config__ = strict
    return getattr(module, params)


def to_python_names(body: dict[str, Any], kind: Any) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for name, declared in get_type_hints(kind, include_extras=True).items():
        hint = get_args(declared)[0] if get_origin(declared) is Required else declared
        extras = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
        aliases = [extra.alias for extra in extras if isinstance(extra, PropertyInfo)]
        names[aliases[0] if aliases else name] = (name, hint)
    unknown = {name: body[name] for name in body if name not in names}
    return unknown | {
        names[alias][0]: to_python_names(value, names[alias][1])
        if isinstance(value, dict)
        else value
        for alias, value in body.items()
        if alias in names
    }


for kind, body in json.load(sys.stdin):
    params = to_python_names(body, wanted := params_type(kind))
    try:
        TypeAdapter(wanted).validate_python(params)
        assert maybe_transform(params, wanted) == body, "sent otherwise"
    except Exception as err:  # noqa: BLE001  whatever it is, it is the finding
        print(json.dumps([kind, body, str(err)]))  # noqa: T201
