"""asyncio for an instance: one thread, and connections of the deployment."""

from .base import RoleLoop
from .network import Address, Connection, Datagrams, Listener, Network

__all__ = ["Address", "Connection", "Datagrams", "Listener", "Network", "RoleLoop"]
