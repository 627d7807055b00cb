"""Roles of cloud services in Python, as WebAssembly components.

A role is a class that derives from `Role` or `WebRole` and is marked with `@export_role`. What it does is ordinary asyncio:
`asyncio.start_server` on the role's endpoints, `asyncio.open_connection` to those of others, tasks, queues, time-outs.
"""

from . import environment, http
from .environment import Endpoint, EndpointKind, LocalResource, Protocol, RoleInfo, RoleInstance, UnknownName
from .export import export_role
from .http import Request, Response
from .role import Change, ConfigurationSetting, Role, Status, Topology, Verdict, WebRole

__all__ = [
    "Change",
    "ConfigurationSetting",
    "Endpoint",
    "EndpointKind",
    "LocalResource",
    "Protocol",
    "Request",
    "Response",
    "Role",
    "RoleInfo",
    "RoleInstance",
    "Status",
    "Topology",
    "UnknownName",
    "Verdict",
    "WebRole",
    "environment",
    "export_role",
    "http",
]
