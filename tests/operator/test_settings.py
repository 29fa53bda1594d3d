"""Settings: read strictly, told by key, and closed where nothing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from surelabel_operator.reference import SETTINGS_EXAMPLE
from surelabel_operator.settings import SETTINGS_VARIABLE, Settings, SettingsError

TEXT = """
watchNamespaces: [vision]
rayClusters:
- {name: shared, url: "http://ray:8265/", tokenSecret: ray, namespaces: ["*"]}
rayOrigins:
- {origin: "https://ray.example", namespaces: [vision]}
storage:
  localFiles: true
  allowedPrefixes:
  - {namespaces: [vision], prefixes: [s3://bucket/vision]}
  - {namespaces: ["*"], prefixes: [s3://common/]}
  endpoints:
  - {namespaces: [vision], url: "https://s3.example"}
workers: 4
stageTime: 2026-01-01T00:00:00Z
logFormat: text
"""


def test_settings_are_read_whole() -> None:
    settings = Settings.from_yaml(TEXT)
    cluster = settings.ray_cluster("shared")
    assert cluster is not None
    assert cluster.url == "http://ray:8265"
    assert cluster.serves("anything")
    assert not settings.ray_origins[0].serves("text")
    assert settings.prefixes("vision") == ("s3://bucket/vision", "s3://common/")
    assert settings.prefixes("text") == ("s3://common/",)
    assert settings.watches("vision")
    assert not settings.watches("text")
    assert settings.stage_time is not None
    assert settings.workers == 4


def test_without_settings_nothing_is_allowed() -> None:
    settings = Settings.from_yaml("")
    assert settings.prefixes("vision") == ()
    assert settings.ray_cluster("shared") is None
    assert not settings.storage.local_files
    assert settings.watches("vision")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("worker: 3", "file.yaml: worker: Extra inputs are not permitted; got 3."),
        ("workers: 0", "workers: Input should be greater than or equal to 1; got 0."),
        (
            'rayOrigins: [{origin: "http://ray/api", namespaces: [a]}]',
            "rayOrigins.0.origin: Value error, must be http(s)://host[:port], without path, user "
            "or query; got 'http://ray/api'.",
        ),
        (
            'rayOrigins: [{origin: "http://ray", namespaces: []}]',
            "rayOrigins.0.namespaces: Tuple should have at least 1 item",
        ),
        (
            "kubeRay: {image: x, rayVersion: 2.51.9}",
            "kubeRay.rayVersion: Value error, must be 2.52.0 or newer, such as 2.60.0, since Ray's "
            "token is used; got '2.51.9'.",
        ),
        ("workers: [", "file.yaml: is not YAML"),
        ("- 5", "file.yaml: settings: Input should be a valid dictionary"),
        ("stageTime: yesterday", "stageTime: Input should be a valid datetime"),
    ],
)
def test_a_wrong_setting_is_told_by_key_rule_and_value(text: str, expected: str) -> None:
    with pytest.raises(SettingsError) as error:
        Settings.from_yaml(text, "file.yaml")
    assert expected in str(error.value)
    assert error.value.reason == "InvalidSettings"


def test_the_file_comes_from_the_argument_else_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(SETTINGS_VARIABLE, raising=False)
    assert Settings.load() == Settings()
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("workers: 1")
    two.write_text("workers: 2")
    monkeypatch.setenv(SETTINGS_VARIABLE, str(one))
    assert Settings.load().workers == 1
    assert Settings.load(str(two)).workers == 2
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        Settings.load(str(tmp_path / "none.yaml"))


def test_the_example_of_the_reference_can_be_used() -> None:
    assert Settings.from_yaml(SETTINGS_EXAMPLE).prefixes("vision") == ("s3://pictures/vision",)
