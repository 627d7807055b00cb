"""Waiting for what cannot be taken back."""

from __future__ import annotations

import asyncio
from typing import TypeVar

_T = TypeVar("_T")


async def outlast(work: asyncio.Future[_T]) -> _T:
    """The result of something that goes on when whoever waits for it is cancelled, and is nobody's matter then."""
    await asyncio.wait([work])
    return work.result()
