"""Models of others in a process of their own: the good ones work, the bad ones do no harm."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from scipy import sparse

from surelabel.models import ModelFileError, load
from surelabel.models.apart import Limits, ModelApart, ModelFailedError, apart
from surelabel.models.estimators import NotUsableError, OutsideModel, build, parameter_value

HERE = "workloads.models.outside_models"
LIMITS = Limits(seconds=60, memory_bytes=2 * 2**30)
kinds = pytest.mark.parametrize("kind", ["dense", "sparse"])


def labeled(kind: str = "dense", n: int = 90, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    label = rng.integers(3, size=n)
    features = np.abs(np.eye(6)[label] * 3 + rng.normal(size=(n, 6)) * 0.5).astype(np.float32)
    return (sparse.csr_matrix(features) if kind == "sparse" else features), label


def entrypoint(name: str, **parameters: Any) -> OutsideModel:
    return OutsideModel(parameters, entrypoint=f"{HERE}:{name}")


def run(model: OutsideModel, kind: str = "dense", limits: Limits = LIMITS) -> tuple[Any, Any]:
    """Cross-validated probabilities, and those of unseen items."""
    features, label = labeled(kind)
    with apart(model, n_classes=5, seed=0, limits=limits) as process:
        process.check(is_sparse=kind == "sparse")
        return process.fit(features, label), process.predict_proba(labeled(kind, seed=1)[0])


@kinds
@pytest.mark.parametrize(
    "model",
    [
        entrypoint("Nearest", scale=2.0),
        entrypoint("Talks"),
        entrypoint("AllClasses", n_classes=5),
        OutsideModel({"n_estimators": 20}, name="RandomForestClassifier"),
        OutsideModel({}, name="GaussianNB"),
        OutsideModel({}, name="LinearSVC"),
        OutsideModel({}, name="MultinomialNB"),
    ],
    ids=lambda model: model.shown.rpartition(":")[2],
)
def test_a_model_of_others_learns_what_can_be_learned(model: OutsideModel, kind: str) -> None:
    out_of_fold, unseen = run(model, kind)
    for proba, truth in ((out_of_fold, labeled()[1]), (unseen, labeled(seed=1)[1])):
        assert proba.shape == (90, 5)
        np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-9)
        assert np.mean(proba.argmax(axis=1) == truth) > 0.9
        # Of classes 3 and 4 there was nothing to learn.
        assert (proba[:, 3:] == 0).all()


def test_what_is_scored_out_of_fold_was_not_seen() -> None:
    rng = np.random.default_rng(0)
    features, label = rng.normal(size=(200, 10)).astype(np.float32), rng.integers(3, size=200)
    model = OutsideModel({"n_neighbors": 1}, name="KNeighborsClassifier")
    with apart(model, n_classes=3, seed=0, limits=LIMITS) as process:
        proba = process.fit(features, label)
        seen = process.predict_proba(features)
    assert np.mean(seen.argmax(axis=1) == label) == 1
    assert np.mean(proba.argmax(axis=1) == label) < 0.45


def test_the_same_seed_gives_the_same_numbers() -> None:
    model = OutsideModel({"n_estimators": 5}, name="ExtraTreesClassifier")
    first, second = run(model), run(model)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (entrypoint("Raises"), "Raises raised RuntimeError: no luck today"),
        (entrypoint("RaisesLater"), "RaisesLater raised RuntimeError: not now"),
        (entrypoint("Exits"), "Exits raised SystemExit: 3"),
        (entrypoint("ExitsAtOnce"), "ended with status 5. Its last words: goodbye"),
        (entrypoint("IsKilled"), r"killed by signal 9 \(SIGKILL\)"),
        (entrypoint("Answers", kind="rows"), "must give 18 rows and 3 columns"),
        (entrypoint("Answers", kind="columns"), r"got the shape \(18, 9\)"),
        (entrypoint("Answers", kind="nan"), "answered probabilities that are no finite numbers"),
        (entrypoint("Answers", kind="negative"), "answered negative probabilities, such as -"),
        (entrypoint("Answers", kind="sums"), "sum to 3, not to 1"),
        (entrypoint("Answers", kind="text"), "Answers raised ValueError"),
        (entrypoint("Answers", kind="none"), "Answers raised"),
    ],
    ids=lambda value: value.shown.rpartition(":")[2] if isinstance(value, OutsideModel) else "",
)
def test_a_bad_model_comes_back_as_a_failure_that_says_what_it_did(
    model: OutsideModel, message: str
) -> None:
    with pytest.raises(ModelFailedError, match=message):
        run(model)


def test_a_model_that_fills_the_memory_gets_no_more_than_its_share() -> None:
    limits = Limits(seconds=60, memory_bytes=700 * 2**20)
    with pytest.raises(ModelFailedError, match="FillsMemory ran out of memory: it had 700 MiB"):
        run(entrypoint("FillsMemory"), limits=limits)


def test_a_model_that_hangs_is_ended_at_its_time() -> None:
    before = time.monotonic()
    with pytest.raises(ModelFailedError, match="Hangs did not end within 8 s"):
        run(entrypoint("Hangs"), limits=Limits(8, 2 * 2**30))
    assert time.monotonic() - before < 30


def test_a_model_that_does_not_want_to_end_is_ended_with_all_that_it_started(
    tmp_path: Path,
) -> None:
    pid_file = tmp_path / "pids"
    with pytest.raises(ModelFailedError, match="did not end within"):
        run(entrypoint("HangsDeaf", pid_file=str(pid_file)), limits=Limits(20, 2 * 2**30))
    pids = [int(pid) for pid in pid_file.read_text().split()]
    gone = time.monotonic() + 10
    while any(map(_runs, pids)) and time.monotonic() < gone:
        time.sleep(0.1)
    assert not any(map(_runs, pids))


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (OutsideModel({}, entrypoint="no_such_module:Net"), "no_such_module cannot be imported"),
        (entrypoint("NoSuchClass"), "has no 'NoSuchClass'"),
        (entrypoint("NoMethods"), "lacks fit, predict_proba"),
        (entrypoint("a_function"), "must be a class"),
        (entrypoint("Nearest", width=3), "has no parameter 'width'; it has random_state, scale"),
        (OutsideModel({"trees": 3}, name="RandomForestClassifier"), "has no parameter 'trees'"),
        (
            OutsideModel({"n_estimators": "many"}, name="RandomForestClassifier"),
            "'n_estimators' parameter of RandomForestClassifier must be an int",
        ),
    ],
)
def test_what_cannot_be_made_is_known_before_there_are_labels(
    model: OutsideModel, message: str
) -> None:
    with (
        apart(model, n_classes=3, seed=0, limits=LIMITS) as process,
        pytest.raises(NotUsableError, match=message),
    ):
        process.check(is_sparse=False)


def test_a_model_whose_constructor_raises_says_so_before_there_are_labels() -> None:
    with (
        apart(entrypoint("CannotBeMade"), n_classes=3, seed=0, limits=LIMITS) as process,
        pytest.raises(ModelFailedError, match="raised OSError: no weights here"),
    ):
        process.check(is_sparse=False)


def test_the_stages_secrets_are_not_in_the_models_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("SURELABEL_STORAGE_ACCESS", "canary")
    with apart(entrypoint("Environment"), n_classes=3, seed=0, limits=LIMITS) as process:
        process.check(is_sparse=False)


class _Forged(ModelApart):
    """A process whose answer another one has written."""

    forged = b""

    def _bytes(self, path: Path, most: int) -> bytes:
        super()._bytes(path, most)
        return self.forged


@pytest.mark.parametrize(
    "forged",
    [
        b"",
        b"not an array",
        b"\x80\x04cos\nsystem\n(S'true'\ntR.",
        np.lib.format.MAGIC_PREFIX + b"\x01\x00" + b"\xff\xff" + b" " * 100,
    ],
    ids=["empty", "text", "pickle", "broken header"],
)
def test_an_answer_that_is_no_plain_array_is_refused(
    forged: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Forged, "forged", forged)
    monkeypatch.setattr("surelabel.models.apart.ModelApart", _Forged)
    with pytest.raises(ModelFailedError, match="answered no array of probabilities"):
        run(entrypoint("Nearest"))


def test_a_pickled_array_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Harmful:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "harmed",)

    np.save(tmp_path / "forged.npy", np.array([Harmful()] * 3, object), allow_pickle=True)
    monkeypatch.setattr(_Forged, "forged", (tmp_path / "forged.npy").read_bytes())
    monkeypatch.setattr("surelabel.models.apart.ModelApart", _Forged)
    with pytest.raises(ModelFailedError, match="type object"):
        run(entrypoint("Nearest"))
    assert not (tmp_path / "harmed").exists()


def test_features_with_nan_are_the_models_failure() -> None:
    features, label = labeled()
    features[3, 2] = np.nan
    model = OutsideModel({}, name="GaussianNB")
    with (
        apart(model, n_classes=3, seed=0, limits=LIMITS) as process,
        pytest.raises(ModelFailedError, match="contains NaN"),
    ):
        process.fit(features, label)


@pytest.mark.parametrize("name", ["SVC", "RandomForestClassifier", "KNeighborsClassifier"])
def test_a_classifier_of_scikit_learn_leaves_a_file(name: str) -> None:
    features, label = labeled()
    with apart(OutsideModel({}, name=name), n_classes=5, seed=0, limits=LIMITS) as process:
        process.fit(features, label)
        proba = process.predict_proba(features)
        data = process.file(sharpness=1.0, noise=0.0)
    model = load(data, is_apart=True)
    assert model.name == name
    np.testing.assert_allclose(model.predict_proba(features), proba, atol=1e-8)
    if name != "SVC":
        # A forged tree could end the process that reads it.
        with pytest.raises(ModelFileError, match="may not contain sklearn"):
            load(data)


def test_nothing_is_left_of_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run(entrypoint("Nearest"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("200", 200),
        ("0.5", 0.5),
        ("true", True),
        ("null", None),
        ("[64, 32]", [64, 32]),
        ('"200"', "200"),
        ("balanced", "balanced"),
        ("NaN", "NaN"),
        ("", ""),
    ],
)
def test_a_parameter_is_json_or_text(text: str, value: object) -> None:
    assert parameter_value(text) == value
    assert type(parameter_value(text)) is type(value)


def test_a_seed_that_somebody_has_set_stays() -> None:
    model = OutsideModel({"random_state": 5}, name="DecisionTreeClassifier")
    assert build(model, is_sparse=False, seed=9)[-1].random_state == 5
    free = OutsideModel({}, name="DecisionTreeClassifier")
    assert build(free, is_sparse=False, seed=9)[-1].random_state == 9
