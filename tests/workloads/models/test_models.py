"""Every model of the registry; and that a file can neither run code nor differ by chance."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io
from scipy import sparse

from surelabel.models import MODELS, ModelFileError, NotTrainableError, cross_val_proba, fit, load
from surelabel.models.calibration import Calibration
from surelabel.models.kernel_ridge import fit_kernel_ridge

names = pytest.mark.parametrize("name", ["Auto", *MODELS])
kinds = pytest.mark.parametrize("kind", ["dense", "sparse"])


def labeled(kind: str = "dense", n: int = 120, seed: int = 0):
    rng = np.random.default_rng(seed)
    label = rng.integers(3, size=n)
    centres = np.array([[3, 0, 0, 1], [0, 3, 0, 1], [0, 0, 3, 1]])
    features = np.abs(centres[label] + rng.normal(size=(n, 4)) * 0.8).astype(np.float32)
    return (sparse.csr_matrix(features) if kind == "sparse" else features), label


@names
@kinds
def test_a_model_learns_what_can_be_learned(name, kind):
    features, label = labeled(kind)
    unseen, truth = labeled(kind, seed=1)
    model = fit(features, label, 5, seed=0, name=name)
    proba = model.predict_proba(unseen)
    assert proba.shape == (120, 5)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)
    assert np.mean(proba.argmax(axis=1) == truth) > 0.9
    assert (proba[:, 3:] == 0).all()


@names
@kinds
def test_a_model_survives_its_file(name, kind):
    features, label = labeled(kind)
    model = fit(features, label, 3, seed=0, name=name)
    again = load(model.save())
    np.testing.assert_array_equal(again.predict_proba(features), model.predict_proba(features))
    assert again.name == model.name


@names
@kinds
def test_equal_input_gives_equal_bytes(name, kind):
    features, label = labeled(kind)
    first, second = (fit(features, label, 3, seed=4, name=name).save() for _ in range(2))
    assert first == second


def test_another_process_writes_the_same_bytes():
    program = (
        "import hashlib, numpy as np\n"
        "from surelabel.models import fit\n"
        "x = np.random.default_rng(0).normal(size=(60, 5)).astype('f4')\n"
        "data = fit(x, np.arange(60) % 3, 3, seed=0).save()\n"
        "print(hashlib.sha256(data).hexdigest())\n"
    )
    workloads = Path(__file__).parents[3] / "workloads"
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
            env={"PYTHONPATH": str(workloads), "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


@names
def test_left_out_items_are_scored_by_a_model_that_never_saw_them(name):
    # Labels without any pattern: whoever saw them would do better than chance.
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 20)).astype(np.float32)
    label = rng.integers(3, size=300)
    proba = cross_val_proba(features, label, 3, seed=0, name=name)
    assert proba.shape == (300, 3)
    assert np.mean(proba.argmax(axis=1) == label) < 0.45


def test_leaving_one_out_equals_fitting_without_it():
    features, label = labeled(n=25)
    is_class = np.arange(3)[:, None] == label
    estimator, left_out = fit_kernel_ridge(features, is_class)
    for item in range(25):
        others = np.arange(25) != item
        without = type(estimator)(**estimator.get_params())
        without.fit(features[others], is_class.T[others].astype(float))
        np.testing.assert_allclose(
            without.predict(features[item : item + 1])[0], left_out[item], atol=1e-6
        )


def test_calibration_sees_through_wrong_labels():
    rng = np.random.default_rng(0)
    position = rng.integers(4, size=2_000)
    scores = np.eye(4)[position] + rng.normal(size=(2_000, 4)) * 0.05
    noisy = position.copy()
    noisy[:100] = (noisy[:100] + 1) % 4
    calibration = Calibration.of(scores, noisy)
    assert calibration.noise == pytest.approx(0.05, abs=0.031)
    doubt = 1 - calibration(scores).max(axis=1).mean()
    assert doubt == pytest.approx(0.05, abs=0.025)


@names
def test_a_single_class_cannot_be_learned(name):
    features, label = labeled()
    with pytest.raises(NotTrainableError, match="at least 2 classes; 120 labels have 1"):
        fit(features, np.zeros_like(label), 3, seed=0, name=name)


@names
def test_a_class_with_a_single_item_does_no_harm(name):
    features, label = labeled()
    label = np.where(label == 2, 0, label)
    label[7] = 2
    fit(features, label, 3, seed=0, name=name)
    proba = cross_val_proba(features, label, 3, seed=0, name=name)
    assert np.isfinite(proba).all()


def test_features_of_another_width_are_refused():
    features, label = labeled()
    with pytest.raises(ValueError, match="must have 4 columns, as in training; got 3"):
        fit(features, label, 3, seed=0).predict_proba(features[:, :3])


def test_an_empty_pool_has_no_probabilities():
    features, label = labeled()
    assert fit(features, label, 3, seed=0).predict_proba(features[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    "data", [b"", b"not a zip", b"PK\x05\x06" + bytes(18)], ids=["empty", "text", "empty zip"]
)
def test_a_file_that_is_no_model_is_refused(data):
    with pytest.raises(ModelFileError, match="not a model file"):
        load(data)


def test_a_file_that_would_run_code_is_refused():
    with pytest.raises(ModelFileError, match="may not contain"):
        load(skops.io.dumps({"format": 1, "pipeline": _Harmful()}))


def test_another_skops_file_is_refused():
    with pytest.raises(ModelFileError, match="not a Surelabel model"):
        load(skops.io.dumps({"something": 1}))


def test_a_damaged_file_is_refused():
    features, label = labeled()
    data = bytearray(fit(features, label, 3, seed=0).save())
    data[len(data) // 3] ^= 0xFF
    with pytest.raises(ModelFileError):
        load(bytes(data))


def test_a_model_file_holds_no_time_and_no_address():
    features, label = labeled()
    data = fit(features, label, 3, seed=0).save()
    assert hashlib.sha256(data).digest()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {info.date_time[0] for info in archive.infolist()} == {1980}
        assert all(len(Path(name).stem) < 7 for name in archive.namelist())


class _Harmful:
    def __init__(self) -> None:
        self.command = "true"
