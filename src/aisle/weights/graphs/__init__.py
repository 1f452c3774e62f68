"""Published architectures drawn as ONNX graphs from the tensors of their checkpoints."""

from aisle.weights.graphs.bert import build_bert
from aisle.weights.graphs.distilbert import build_distilbert
from aisle.weights.graphs.efficientnet import build_efficientnet_lite
from aisle.weights.graphs.photo import CENTRED_NORM, IMAGENET_NORM, PixelNorm
from aisle.weights.graphs.resnet import build_resnet50
from aisle.weights.graphs.vgg import build_vgg16

__all__ = [
    "CENTRED_NORM",
    "IMAGENET_NORM",
    "PixelNorm",
    "build_bert",
    "build_distilbert",
    "build_efficientnet_lite",
    "build_resnet50",
    "build_vgg16",
]
