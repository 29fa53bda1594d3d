"""The files by which a job's model leaves: ``model/model.skops``, and ``model/model.onnx``."""

from __future__ import annotations

from surelabel.items import ItemReader
from surelabel.models.about import About, with_about
from surelabel.stages.context import StageContext
from surelabel.stages.model_about import about_of
from surelabel_contract.keys import MODEL
from surelabel_contract.task_types import TASK_TYPE_FACTS


def write_model(context: StageContext, reader: ItemReader) -> None:
    """Copy the job's last model out; the ONNX graph only where its packages are installed.

    Of a model of others nothing is left but what it predicted.
    """
    if not context.has("model") or not context.input("model").key.endswith(".skops"):
        return
    data = context.read("model")
    if not TASK_TYPE_FACTS[context.config.task_type].is_class:
        context.write_key(f"{MODEL}/model.skops", data, "model")
        return
    # Late: these import scikit-learn.
    from surelabel.models.apart import ModelFailedError
    from surelabel.models.onnx_model import NotConvertibleError, is_available

    about = about_of(context.config, reader)
    context.write_key(f"{MODEL}/model.skops", with_about(data, about), "model")
    if not is_available():
        return
    try:
        context.write_key(f"{MODEL}/model.onnx", _onnx(context, data, about), "onnx")
    except (NotConvertibleError, ModelFailedError) as error:
        context.notice(
            "OnnxNotWritten",
            f"model/model.onnx was not written: {error} model/model.skops is there.",
        )


def _onnx(context: StageContext, data: bytes, about: About) -> bytes:
    from surelabel.models import ModelFileError, load
    from surelabel.models.onnx_model import to_onnx
    from surelabel.stages.outside_model import onnx_of_file

    try:
        model = load(data)
    except ModelFileError:
        # A classifier of scikit-learn, whose file only a process of its own may read.
        return onnx_of_file(context, data, about)
    return to_onnx(model, about)
