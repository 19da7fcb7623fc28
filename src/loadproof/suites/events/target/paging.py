"""Pages of a list, in the two shapes that clients have been seen to read."""

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import HTTPException, Query, Request

Page = Annotated[int, Query(ge=1)]
PageSize = Annotated[int, Query(ge=1, le=100)]


def check_page(page: int, size: int, count: int) -> int:
    """The place of a page's first row.

    Raises:
        HTTPException: 404, the list has no such page; the first one is always there.
    """
    if page > 1 and (page - 1) * size >= count:
        raise HTTPException(404, "Invalid page.")
    return (page - 1) * size


def page_of(rows: list[dict[str, Any]], request: Request, page: int, size: int, count: int) -> dict[str, Any]:
    """One page: ``results`` is what the platform calls it, ``items`` what its first load test reads.

    Args:
        rows: The rows of this page.
        request: For the addresses of the pages beside it.
        page: Its number, from 1.
        size: Rows per page.
        count: Rows on all pages.
    """

    def address(number: int) -> str:
        query = {**request.query_params, "page": number, "page_size": size}
        return f"{request.url.path}?{urlencode(query)}"

    return {
        "count": count,
        "next": address(page + 1) if page * size < count else None,
        "previous": address(page - 1) if page > 1 else None,
        "results": rows,
        "items": rows,
    }
