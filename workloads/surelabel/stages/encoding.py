"""The job's encoder: opened once in a process, and the same one for every shard.

Prepare names the encoder's content in the config of its shards. So a shard that an earlier attempt
made counts exactly if the same encoder made it, and no item is encoded twice.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from surelabel.encoders.base import Encoder, EncoderError, EncoderFiles
from surelabel.encoders.packages import (
    MAX_CONFIG,
    MAX_MODEL,
    MAX_TOKENIZER,
    NAMED_ENCODERS,
    PREPROCESSOR,
    TOKENIZER,
    encoder_files,
    package_files,
)
from surelabel.stages.context import StageContext
from surelabel.tasks import TASK_TYPES
from surelabel_contract.errors import ConfigurationError, uri_of_field
from surelabel_contract.stages import Encoder as EncoderSpec
from surelabel_contract.store import NotFoundInStoreError, TooLargeError

FIELD = "spec.autoLabeling.encoder"


def pin_encoder(context: StageContext) -> StageContext:
    """The context with the encoder's content in its config; itself where features are built in.

    The encoder is opened and tried here, before any item is read; ConfigurationError if it cannot
    be used.
    """
    spec = _spec(context)
    if spec is None:
        return context
    if spec.uri is not None:
        # What this process opened for an earlier attempt may have been replaced since.
        _open.cache_clear()
    with context.phase("openEncoder"):
        encoder = _open(_Key(context))
    return _with(context, spec.model_copy(update={"sha256": encoder.sha256}))


def encoder_of(context: StageContext) -> Encoder | None:
    """The encoder that ``pin_encoder`` named; None where features are built in."""
    spec = _spec(context)
    if spec is None:
        return None
    encoder = _open(_Key(context))
    if encoder.sha256 != spec.sha256:
        _open.cache_clear()
        encoder = _open(_Key(context))
    if encoder.sha256 != spec.sha256:
        raise ConfigurationError(
            "EncoderChanged",
            f"{_field(spec)}: {_name(spec)} was replaced while items were encoded by it. Leave it "
            "as it is until prepare is done; then suspend and resume.",
        )
    return encoder


def encoding_error(
    context: StageContext, error: EncoderError, item: str = ""
) -> ConfigurationError:
    """The error with the field that names the encoder, and the item that it came with."""
    spec = _spec(context)
    where = f"{_field(spec)}: {_name(spec)}" if spec is not None else FIELD
    return ConfigurationError(error.reason, f"{where} {error}{item}")


def _spec(context: StageContext) -> EncoderSpec | None:
    promise = context.config.auto_labeling
    return promise.encoder if promise is not None else None


def _with(context: StageContext, spec: EncoderSpec) -> StageContext:
    config = context.config
    assert config.auto_labeling is not None  # It has an encoder.
    promise = config.auto_labeling.model_copy(update={"encoder": spec})
    return replace(context, config=config.model_copy(update={"auto_labeling": promise}))


class _Key:
    """A context that is equal to another one with the same encoder."""

    def __init__(self, context: StageContext) -> None:
        self.context = context
        config, spec = context.config, _spec(context)
        place = spec and (spec.name, spec.uri, spec.package)
        self._same = place, config.task_type, config.storage.to_json()

    def __hash__(self) -> int:
        return hash(self._same)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other._same == self._same


@lru_cache(maxsize=1)
def _open(key: _Key) -> Encoder:
    context = key.context
    spec = _spec(context)
    assert spec is not None  # Whoever calls has looked.
    kind = TASK_TYPES[context.config.task_type].source_kind
    try:
        files = _files(context, spec, kind)
        if kind == "text":
            from surelabel.encoders.text_encoder import TextEncoder

            return TextEncoder.open(files)
        from surelabel.encoders.image_encoder import ImageEncoder

        return ImageEncoder.open(files)
    except EncoderError as error:
        raise encoding_error(context, error) from error


def _files(context: StageContext, spec: EncoderSpec, kind: str) -> EncoderFiles:
    if spec.name is not None:
        named = NAMED_ENCODERS.get(spec.name)
        if named is None or named.kind != kind:
            raise EncoderError(
                "EncoderUnfit",
                f"does not encode {kind}s. Name one that does, or take Builtin.",
            )
        return named.build(named)
    if spec.package is not None:
        return package_files(spec.package)
    return _stored_files(context, spec.uri or "")


def _stored_files(context: StageContext, uri: str) -> EncoderFiles:
    with uri_of_field(f"{FIELD}.uri"):
        folder, name = context.storage.locate(uri)
        # Beside an object that alone is allowed nothing else may be looked at.
        for other in (TOKENIZER, PREPROCESSOR):
            context.storage.check(folder.uri_of(other))

    def read(name: str, limit: int) -> bytes | None:
        try:
            return folder.read(name, limit)
        except NotFoundInStoreError:
            return None
        except TooLargeError as error:
            raise EncoderError("EncoderUnfit", f"is too large: {error}") from error

    model = read(name, MAX_MODEL)
    if model is None:
        raise EncoderError(
            "EncoderNotFound", "does not exist. Upload it, or correct the URI in a new job."
        )
    return encoder_files(model, read(TOKENIZER, MAX_TOKENIZER), read(PREPROCESSOR, MAX_CONFIG))


def _field(spec: EncoderSpec) -> str:
    for part in ("name", "uri", "package"):
        if getattr(spec, part) is not None:
            return f"{FIELD}.{part}"
    return FIELD


def _name(spec: EncoderSpec) -> str:
    return spec.name or spec.uri or spec.package or "none"
