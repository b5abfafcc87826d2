"""One self-contained HTML page from plain data: markup, style and script lie beside this file."""

import json
from collections.abc import Mapping
from html import escape
from importlib import resources
from typing import Any


def page(title: str, verdict: str, data: Mapping[str, Any]) -> str:
    """The data travel inside the page as JSON; without a script the verdict alone can be read."""
    files = resources.files("mackey.audit").joinpath("pages")
    parts = {
        "title": escape(title),
        "verdict": escape(verdict),
        "style": files.joinpath("report.css").read_text(encoding="utf-8"),
        "script": files.joinpath("report.js").read_text(encoding="utf-8"),
        "data": to_json(data).replace("</", "<\\/"),  # or a name could end the script element
    }
    text = files.joinpath("report.html").read_text(encoding="utf-8")
    before, *rest = text.split("{{")
    for piece in rest:
        name, after = piece.split("}}", 1)
        before += parts[name] + after
    return before


def to_json(data: Any) -> str:
    """JSON in the strict sense: an error that is infinite or no number is null."""
    return json.dumps(_finite(data), ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, Mapping):
        return {str(key): _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value
