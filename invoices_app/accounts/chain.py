"""The audit chain, walked from its beginning to its end: is every event there, in its place, as it was written?

The hashes are computed here and not by the database, whose functions could have been changed together with its rows.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import Connection, text

BEGINNING = b""
"""The hash before the first event."""

ROWS_AT_A_TIME = 1000

_LINKS = text("""
    SELECT seq, hash, ARRAY[
        business_id::text, id::text, actor_id::text, action, entity_type, entity_id::text, changes::text, request_id,
        (extract(epoch FROM created_at) * 1000000)::bigint::text
    ] AS content
    FROM audit_events WHERE business_id = :business_id ORDER BY seq NULLS LAST, id
""")
_HEAD = text("SELECT seq, hash FROM audit_heads WHERE business_id = :business_id")
_BUSINESSES = text("SELECT business_id FROM audit_heads ORDER BY business_id")
_ENTER = text("SELECT sign_scope(NULL, CAST(:business_id AS uuid))")


@dataclass(frozen=True, slots=True)
class Link:
    """An event in the chain: its place and hash as they are stored, and its content as texts in a fixed order."""

    seq: int | None
    hash: bytes | None
    content: tuple[str | None, ...]

    def fits(self, previous: bytes, seq: int) -> bool:
        """Whether the stored hash is that of this content behind `previous` at the place `seq`."""
        canonical = json.dumps([previous.hex(), str(seq), *self.content], ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).digest() == self.hash


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain, as it is kept beside it: how many events there are, and the hash of the last."""

    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What walking one business's chain came to: how many events were found right, and what is wrong with the next."""

    business_id: uuid.UUID
    events: int
    end: bytes
    problem: str | None


def first_problem(links: Iterable[Link], head: Head | None) -> tuple[Head, str | None]:
    """Where the chain holds, and a sentence about the first link that does not; `links` by seq, those without one last.

    Only the last two hashes are kept, so that a chain of any length can be walked.
    """
    walked, before = Head(0, BEGINNING), BEGINNING
    rest = iter(links)
    for link in rest:
        place = walked.seq + 1
        if link.seq is None:
            return walked, f"an event that never got its place was put in: {link.content[1]}"
        if link.seq != place:
            return walked, f"{_events(place, link.seq - 1)} missing"
        if not link.fits(walked.hash, place):
            return walked, _what_happened(link, next(rest, None), walked, before)
        before, walked = walked.hash, Head(place, link.hash or BEGINNING)
    return walked, _problem_of_end(walked, head)


def businesses(owner: Connection) -> list[uuid.UUID]:
    """Every business that has a chain; `owner` is a connection of the tables' owner."""
    return list(owner.execute(_BUSINESSES).scalars())


def verify(owner: Connection, business_id: uuid.UUID) -> Verdict:
    """Walk the chain of one business, in memory that does not grow with it, on one snapshot; no transaction is open."""
    with owner.execution_options(isolation_level="REPEATABLE READ").begin():
        owner.execute(_ENTER, {"business_id": str(business_id)})
        found = owner.execute(_HEAD, {"business_id": business_id}).one_or_none()
        with closing(_links(owner, business_id)) as links:
            walked, problem = first_problem(links, Head(*found) if found else None)
        return Verdict(business_id, walked.seq, walked.hash, problem)


def _links(owner: Connection, business_id: uuid.UUID) -> Generator[Link]:
    streamed = {"yield_per": ROWS_AT_A_TIME}
    with owner.execute(_LINKS, {"business_id": business_id}, execution_options=streamed) as rows:
        for row in rows:
            yield Link(row.seq, row.hash, tuple(row.content))


def _what_happened(link: Link, following: Link | None, walked: Head, before: bytes) -> str:
    """Which of its neighbours a link that does not fit would fit to, when one of them were not there."""
    if following is not None and following.fits(walked.hash, walked.seq + 1):
        return f"event {walked.seq + 1} was put in"
    if walked.seq and link.fits(before, walked.seq):
        return f"event {walked.seq} was put in"
    return f"event {walked.seq + 1} was changed"


def _problem_of_end(walked: Head, head: Head | None) -> str | None:
    if head is None:
        return "the record of where the chain ends is missing"
    if head.seq > walked.seq:
        return f"{_events(walked.seq + 1, head.seq)} missing at the end"
    if head.seq < walked.seq:
        return f"{_events(head.seq + 1, walked.seq, 'was', 'were')} put in behind the end"
    return None if head.hash == walked.hash else "the whole end was written anew: it is not the one that was kept"


def _events(first: int, last: int, one: str = "is", many: str = "are") -> str:
    return f"event {first} {one}" if first == last else f"events {first} to {last} {many}"
