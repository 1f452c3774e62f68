"""An engine or an encoder knows what it was trained on, and nothing else."""

import io
import json

import numpy as np
import pytest

from aisle.encode import ENCODERS, find_encoder
from aisle.encode.seen import seen_keys, seen_rows, training_keys
from aisle.errors import EncoderFolderError
from aisle.files import sha256_bytes
from aisle.product import Product

FULL = Product(title="Blue  mug", description="Holds tea", photo=b"picture")
BARE = Product(title="Red lamp")
SHOWN = Product(photo=b"a photo")


@pytest.fixture
def known():
    return training_keys([FULL, BARE, SHOWN])


@pytest.mark.parametrize(
    ("product", "seen"),
    [
        (FULL, True),
        (Product(title="BLUE MUG", description="holds\ntea"), True),  # case, spaces, another photo
        (Product(title="Blue mug"), True),  # the same one without its description
        (Product(title="Blue mug", description="Holds coffee"), False),
        (Product(description="Holds tea"), False),
        (BARE, True),
        (Product(title="Red lamp", description="Gives light"), True),  # trained on without a description
        (Product(title="Red lamps"), False),
        (SHOWN, True),
        (Product(photo=b"another photo"), False),
        (Product(photo=b"picture"), False),  # its text is gone, and its photo was not what it was known by
        (Product(), False),
    ],
)
def test_a_product_is_known_by_its_content(known, product, seen):
    assert seen_rows([product], known).tolist() == [seen]


def test_many_at_once_keep_their_order(known):
    assert seen_rows([Product(title="new"), FULL, Product(), SHOWN], known).tolist() == [False, True, False, True]


def test_keys_are_sorted_hashes_and_nothing_is_known_of_nothing(known):
    assert known.dtype == np.uint64
    assert (np.diff(known) > 0).all()
    assert not seen_rows([FULL, SHOWN], training_keys([])).any()
    assert seen_rows([], known).shape == (0,)


@pytest.fixture
def encoder(own_encoder, settings, tmp_path, known):
    """Return a folder with an encoder that has seen products, and its row."""
    folder = own_encoder.text(tmp_path / "tuned", {"red": np.ones(3)}, seen=known)
    return folder, find_encoder(str(folder), settings=settings)


def test_an_encoder_says_what_it_has_seen(encoder, known):
    np.testing.assert_array_equal(seen_keys(encoder[1]), known)
    assert seen_rows([FULL, Product(title="new")], seen_keys(encoder[1])).tolist() == [True, False]


def test_encoders_that_were_not_tuned_have_seen_nothing(encoder):
    folder, spec = encoder
    (folder / "seen.npy").unlink()
    assert seen_keys(spec).size == 0
    assert seen_keys(ENCODERS["minilm"]).dtype == np.uint64


def saved(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


SORTED = np.arange(4, dtype=np.uint64)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no numbers",
        saved(SORTED)[:-1],
        saved(SORTED) + b"\0" * 8,
        saved(SORTED)[:40],
        saved(SORTED[::-1].copy()),
        saved(SORTED.astype(np.int64)),
        saved(SORTED.astype(np.float64)),
        saved(SORTED.astype(">u8")),
        saved(SORTED.reshape(2, 2)),
        saved(SORTED[0]),
        saved(np.array([{"a": 1}], dtype=object), allow_pickle=True),
        saved(SORTED).replace(b"(4,)", b"(9,)"),
        saved(SORTED).replace(b"(4,), ", b"(10**9,), "),
        saved(SORTED).replace(b"(4,)", b"(99999999999999999,)"),
    ],
)
def test_a_record_that_is_none_is_refused(encoder, data):
    folder, spec = encoder
    (folder / "seen.npy").write_bytes(data)
    with pytest.raises(EncoderFolderError, match=r"seen\.npy does not tell which products the encoder has seen"):
        seen_keys(spec)


def test_a_record_that_is_missing_or_another_is_no_leave_to_judge(encoder, known):
    folder, spec = encoder
    data = (folder / "seen.npy").read_bytes()
    (folder / "encoder.json").write_text(json.dumps({"seen": 3, "sha256": {"seen.npy": sha256_bytes(data)}}))
    np.testing.assert_array_equal(seen_keys(spec), known)
    np.save(folder / "seen.npy", SORTED)
    with pytest.raises(EncoderFolderError, match="not the file that"):
        seen_keys(spec)
    (folder / "seen.npy").unlink()
    with pytest.raises(EncoderFolderError, match="does not tell"):
        seen_keys(spec)
    (folder / "encoder.json").write_text('{"seen": 3}')
    with pytest.raises(EncoderFolderError, match="does not tell"):
        seen_keys(spec)
