"""Images by URI: formats, orientation, and what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image

from s3 import S3Server
from surelabel.items import ItemIndex, ItemReader
from surelabel_contract.stages import AutoLabeling, StorageAccess
from surelabel_contract.steps import Stage, Step
from surelabel_contract.store import Storage
from workloads.stages.mini_driver import MiniDriver

PROMISE = AutoLabeling(target_error_permille=50, risk_permille=50, seed_items=2)


def picture() -> Image.Image:
    """Different in every corner, so that no two orientations are equal."""
    pixels = np.zeros((48, 32, 3), np.uint8)
    pixels[:12, :, 0] = 255
    pixels[:, :8, 1] = 200
    pixels[24:40, 20:28] = 120
    return Image.fromarray(pixels)


def features_of(root: Path, names: list[str]) -> np.ndarray:
    driver = MiniDriver(root, task_type="ImageClassification", auto_labeling=PROMISE)
    driver.write_input([{"source-ref": f"file://{root}/{name}"} for name in names], ["0"])
    report = driver.run(0, Stage.PREPARE)
    assert report.progressed.unlabeled_reasons == {}
    folder = Storage(driver.access).folder(driver.folder_uri)
    index = ItemIndex.from_json(folder.read(report.carry["index"].key))
    return np.asarray(ItemReader(folder, index).features(0)[1])


def test_png_jpeg_and_webp_of_one_picture_look_alike(tmp_path: Path) -> None:
    picture().save(tmp_path / "a.png")
    picture().save(tmp_path / "a.jpg", quality=95)
    picture().save(tmp_path / "a.webp", lossless=True)
    picture().rotate(180).save(tmp_path / "other.png")
    found = features_of(tmp_path, ["a.png", "a.jpg", "a.webp", "other.png"])
    distance = np.linalg.norm(found - found[0], axis=1)
    assert distance[1] < 0.3 * distance[3]
    assert distance[2] < 1e-3


def test_exif_orientation_is_respected(tmp_path: Path) -> None:
    upright = picture()
    upright.save(tmp_path / "upright.png")
    exif = Image.Exif()
    # 6: to be turned by 90 degrees clockwise for showing.
    exif[0x0112] = 6
    upright.transpose(Image.Transpose.ROTATE_90).save(
        tmp_path / "turned.jpg", exif=exif, quality=95
    )
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "ignored.jpg", quality=95)
    found = features_of(tmp_path, ["upright.png", "turned.jpg", "ignored.jpg"])
    distance = np.linalg.norm(found - found[0], axis=1)
    assert distance[1] < 0.3 * distance[2]


def test_broken_and_missing_images_fail_alone(tmp_path: Path) -> None:
    picture().save(tmp_path / "good.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG nothing")
    (tmp_path / "cut.png").write_bytes((tmp_path / "good.png").read_bytes()[:60])
    names = ["good.png", "broken.png", "missing.png", "cut.png"]
    driver = MiniDriver(tmp_path, task_type="ImageClassification", auto_labeling=PROMISE)
    driver.write_input([{"source-ref": f"file://{tmp_path}/{n}"} for n in names], ["0"] * 4)
    report = driver.run_job()
    assert report.progressed.unlabeled_reasons == {"BrokenMedia": 2, "MissingMedia": 1}
    assert report.progressed.counters.human_labeled == 1
    text = (driver.path / "report/unlabeled.jsonl").read_text().splitlines()
    assert "missing.png does not exist" in text[1]


def test_when_all_images_are_missing_the_manifest_is_at_fault(tmp_path: Path) -> None:
    driver = MiniDriver(tmp_path, task_type="ImageClassification", auto_labeling=PROMISE)
    driver.write_input([{"source-ref": f"file://{tmp_path}/{n}.png"} for n in range(3)], ["0"])
    step = Step(round=0, stage=Stage.PREPARE)
    assert driver.start(driver.config(step, None)) == 2
    failure = driver.failure(step)
    assert failure.reason == "AllMediaMissing"
    assert "line 1" in failure.message


# -- sources that only one item has, and a store that nobody has


@dataclass
class RemoteDriver(MiniDriver):
    """A job in local files whose images lie in a bucket too."""

    endpoint: str = ""

    @property
    def access(self) -> StorageAccess:
        prefixes = (f"file://{self.root}", "s3://labels")
        return StorageAccess(prefixes=prefixes, local_files=True, endpoint=self.endpoint)


def prepared(
    root: Path, server: S3Server, uris: list[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[RemoteDriver, int]:
    """A job on these images after its first stage, and how that ended."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    driver = RemoteDriver(root, task_type="ImageClassification", auto_labeling=PROMISE)
    driver.endpoint = server.endpoint
    driver.write_input([{"source-ref": uri} for uri in uris], ["0"] * len(uris))
    return driver, driver.start(driver.config(PREPARE, None))


PREPARE = Step(round=0, stage=Stage.PREPARE)
LONG = "n" * 300


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("{files}/missing.png", "MissingMedia"),
        ("{files}/folder", "MissingMedia"),
        ("{files}/good.png/x", "InvalidSource"),
        (f"{{files}}/{LONG}", "InvalidSource"),
        ("{files}/circle", "InvalidSource"),
        ("{files}/a%00b", "InvalidSource"),
        ("file://host/x", "InvalidSource"),
        ("file:///etc/hostname", "StorageNotAllowed"),
        ("{bucket}/missing.png", "MissingMedia"),
        ("{bucket}/good.png/x", "MissingMedia"),
        (f"{{bucket}}/{LONG}", "InvalidSource"),
        ("{bucket}/a//b", "InvalidSource"),
        ("{bucket}/a\nb", "InvalidSource"),
        ("s3://bad bucket/x", "InvalidSource"),
        ("file://./x", "InvalidSource"),
        ("gs://labels/x", "StorageNotAllowed"),
    ],
)
def test_a_source_that_cannot_be_fails_alone(
    uri: str, reason: str, tmp_path: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture().save(tmp_path / "good.png")
    (tmp_path / "folder").mkdir()
    (tmp_path / "circle").symlink_to("circle")
    files = tmp_path.as_uri()
    uris = [f"{files}/good.png", uri.format(files=files, bucket=s3_server.uri)]
    driver, status = prepared(tmp_path, s3_server, uris, monkeypatch)
    assert status == 0, driver.failure(PREPARE)
    assert driver.report(PREPARE).progressed.unlabeled_reasons == {reason: 1}


class Guarded(BaseHTTPRequestHandler):
    """S3 as it answers who may not list the bucket, or nobody at all."""

    status, code = 403, "AccessDenied"

    def do_GET(self) -> None:
        body = f"<Error><Code>{self.code}</Code><Message>Access Denied</Message></Error>".encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[S3Server]:
    """A server that refuses to read, in the place of the real one."""

    class Server(S3Server):
        @property
        def endpoint(self) -> str:
            return f"http://127.0.0.1:{server.server_address[1]}"

    with ThreadingHTTPServer(("127.0.0.1", 0), Guarded) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield Server(Path(), tmp_path / "unused")
        server.shutdown()
        thread.join()


def test_an_image_that_may_not_be_read_fails_alone(
    tmp_path: Path, guarded: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture().save(tmp_path / "good.png")
    uris = ["s3://labels/secret.png", f"{tmp_path.as_uri()}/good.png"]
    driver, status = prepared(tmp_path, guarded, uris, monkeypatch)
    assert status == 0, driver.failure(PREPARE)
    report = driver.report(PREPARE)
    assert report.progressed.unlabeled_reasons == {"StorageNotAllowed": 1}
    text = (driver.path / report.carry["mediaFailures"].key).read_text()
    assert "s3://labels/secret.png: 403 Forbidden (AccessDenied): Access Denied" in text


def test_when_no_image_may_be_read_the_job_says_so(
    tmp_path: Path, guarded: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    uris = [f"s3://labels/{number}.png" for number in range(2)]
    driver, status = prepared(tmp_path, guarded, uris, monkeypatch)
    assert status == 2
    failure = driver.failure(PREPARE)
    assert failure.reason == "AllMediaUnreadable"
    for words in ("2 StorageNotAllowed", "line 1", "403 Forbidden (AccessDenied)"):
        assert words in failure.message


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (403, "SignatureDoesNotMatch")])
def test_a_store_that_refuses_everybody_ends_the_stage_and_no_item(
    status: int,
    code: str,
    tmp_path: Path,
    guarded: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Guarded, "status", status)
    monkeypatch.setattr(Guarded, "code", code)
    picture().save(tmp_path / "good.png")
    uris = [f"{tmp_path.as_uri()}/good.png", "s3://labels/a.png"]
    driver, ended = prepared(tmp_path, guarded, uris, monkeypatch)
    assert ended == 3
    assert driver.failure(PREPARE).reason == "StorageUnavailable"


def test_a_store_that_is_away_ends_the_stage_and_no_item(
    tmp_path: Path, own_s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_s3_server.stop()
    picture().save(tmp_path / "good.png")
    uris = [f"{tmp_path.as_uri()}/good.png", "s3://labels/a.png"]
    driver, ended = prepared(tmp_path, own_s3_server, uris, monkeypatch)
    assert ended == 3
    assert driver.failure(PREPARE).reason == "StorageUnavailable"
