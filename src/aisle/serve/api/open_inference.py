"""Names of the Open Inference Protocol (version 2) that orchestrators and gateways ask for.

Source: https://github.com/kserve/open-inference-protocol, "HTTP/REST". There is one model, ``aisle``; what it is asked
goes to ``/v1/classify``, whose products are no tensors.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from aisle.serve.context import context
from aisle.serve.problems import Problem, not_found

MODEL: Final = "aisle"

Name = Annotated[str, Path(examples=[MODEL])]

router = APIRouter(prefix="/v2", tags=["operation"])


class Live(BaseModel):
    """The process answers."""

    live: bool


class Ready(BaseModel):
    """It can do its work."""

    ready: bool


class ModelReady(Ready):
    """So can the model."""

    name: str


class Tensor(BaseModel):
    """Something that a model takes or gives."""

    name: str
    datatype: str
    shape: list[int]


class Model(BaseModel):
    """What the model is."""

    model_config = ConfigDict(protected_namespaces=())

    name: str
    versions: list[str] = Field(description="Fingerprint of the engine that answers now")
    platform: str
    inputs: list[Tensor]
    outputs: list[Tensor]


_PLATFORM: Final = "onnx_onnxruntime"
_OUTPUTS: Final = ("path", "probability", "decision")


@router.get("/health/live")
async def live() -> Live:
    """Tell whether the process answers."""
    return Live(live=True)


@router.get("/health/ready")
async def ready(request: Request) -> Ready:
    """Tell whether it can classify and keep: an engine is loaded, and the database answers."""
    await _check_database(request)
    return Ready(ready=True)


@router.get("/models/{name}")
async def model(request: Request, name: Name) -> Model:
    """Name the model, its version, and what it takes and gives."""
    _check_name(name)
    loaded = context(request).live.loaded
    inputs = [Tensor(name=each, datatype="BYTES", shape=[-1]) for each in loaded.engine.modalities]
    kinds = {"path": "BYTES", "probability": "FP64", "decision": "BYTES"}
    outputs = [Tensor(name=each, datatype=kinds[each], shape=[-1]) for each in _OUTPUTS]
    return Model(name=MODEL, versions=[loaded.version], platform=_PLATFORM, inputs=inputs, outputs=outputs)


@router.get("/models/{name}/ready")
async def model_ready(name: Name) -> ModelReady:
    """Tell whether the model can classify; it is loaded before the service listens, and exchanged while it answers."""
    _check_name(name)
    return ModelReady(name=MODEL, ready=True)


def _check_name(name: str) -> None:
    if name != MODEL:
        raise not_found(f"The one model here is called {MODEL}.")


async def _check_database(request: Request) -> None:
    database = context(request).database

    def ask() -> None:
        with database.read() as c:
            c.exec_driver_sql("SELECT 1").scalar()

    try:
        await run_in_threadpool(ask)
    except Exception as err:
        raise Problem(503, "not_ready", "Not ready", "The database does not answer.", retry_after=5) from err
