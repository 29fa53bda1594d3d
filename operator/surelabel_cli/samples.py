"""The samples of the checkout, ready for ``kubectl apply`` to a local cluster.

kubectl knows nothing of ``file://./x`` nor of sample data: both are settled here, in a folder.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from surelabel_cli.job_file import read_job_file

SAMPLES = Path(__file__).resolve().parents[2] / "crds" / "samples"


def prepare_sample(path: Path, folder: Path) -> Path:
    """The sample's data made in ``folder``, and its resources there as a file of their own."""
    file = read_job_file(path).in_folder(folder)
    file.make_sample_data(folder)
    target = folder / "samples" / path.name
    target.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump_all([file.job, *file.teams], sort_keys=False)
    target.write_text(text, encoding="utf-8")
    return target


def prepare_samples(folder: Path) -> list[Path]:
    """The samples whose data can be made here, prepared; none where there is no checkout.

    The data of the others lie in a store of the cluster, which a local one does not have.
    """
    paths = sorted(SAMPLES.glob("*.yaml"))
    return [prepare_sample(path, folder) for path in paths if read_job_file(path).wants_sample_data]
