"""From a class to the exports of a component."""

from __future__ import annotations

import sys
from typing import TypeVar

from .role import Role

_RoleClass = TypeVar("_RoleClass", bound=type[Role])


def export_role(role: _RoleClass) -> _RoleClass:
    """Makes a class the role of its component: ``@export_role`` above it, once in the module that the component is made of.

    Outside of a component, in unit tests for example, it changes nothing.
    """
    if not (isinstance(role, type) and issubclass(role, Role)):
        raise TypeError(f"`export_role` wants a class that derives from `Role` or `WebRole`, and got {role!r}")
    if sys.platform == "wasi":
        from .component import exports

        exports.export(role, sys.modules[role.__module__])
    return role
