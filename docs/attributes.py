"""The text under each attribute of a class, which Python throws away and the pages want."""  # noqa: INP001  beside scripts

from __future__ import annotations

import ast
import inspect


def attribute_texts(kind: type) -> dict[str, str]:
    """Attribute → the text under it in the class's source, as one line."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    assert isinstance(body, ast.ClassDef)
    texts: dict[str, str] = {}
    for node, after in zip(body.body, body.body[1:], strict=False):
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            texts[node.target.id] = " ".join(str(after.value.value).split())
    return texts
