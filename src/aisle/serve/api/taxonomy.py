"""``/v1/taxonomy``: the categories that an answer can be."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from aisle.product import format_path
from aisle.serve.context import context

router = APIRouter(prefix="/v1", tags=["classify"])


class Category(BaseModel):
    """A category."""

    path: list[str]
    path_text: str


class Taxonomy(BaseModel):
    """Categories of the live engine's taxonomy."""

    version: str
    total: int = Field(description="Of the whole taxonomy")
    categories: list[Category]


@router.get("/taxonomy")
async def get_taxonomy(
    request: Request,
    search: Annotated[str, Query(max_length=200, description="Words, in any order; accents do not matter")] = "",
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Taxonomy:
    """List categories, parents before children; or search them, the best first."""
    loaded = context(request).live.loaded
    found = (
        await run_in_threadpool(loaded.search.find, search, offset + limit) if search.strip() else list(loaded.taxonomy)
    )
    shown = found[offset : offset + limit]
    rows = [Category(path=list(path), path_text=format_path(path)) for path in shown]
    return Taxonomy(version=loaded.taxonomy_version, total=len(loaded.taxonomy), categories=rows)
