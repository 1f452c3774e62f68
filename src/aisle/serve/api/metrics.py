"""``/metrics``: figures for Prometheus."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from aisle.serve.context import context
from aisle.serve.metrics import MEDIA_TYPE

router = APIRouter(tags=["operation"])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Figures in the text format of Prometheus."""
    return Response(context(request).metrics.text(), media_type=None, headers={"Content-Type": MEDIA_TYPE})
