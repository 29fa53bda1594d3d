"""Where a LabelingJob reads and writes, and how it reaches the store."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from surelabel_contract.stages import Money as ContractMoney
from surelabel_operator.resources.base import Part, immutable, rule, rules

URI_MAX = 1_024
URI_RULE = rule(
    "self.matches('^(s3|gs|az)://[^/?#]+(/[^?#]*)?$') || self.matches('^file://[^?#]*/[^?#]+$')",
    "must be a URI such as s3://bucket/path, gs://bucket/path, az://container/path or "
    "file:///path, without ? and #",
)
PATH_RULE = rule("!self.matches('(^|/)[.][.](/|$)')", "must not contain '..'")
# Ground Truth's rule for the key of a label.
ATTRIBUTE_RULE = rule(
    "self.matches('^[a-zA-Z0-9](-*[a-zA-Z0-9])*$')",
    "must consist of letters, digits and inner hyphens",
)
SECRET_NAME_RULE = rule(
    "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
    "must be the name of a Secret of this namespace: a-z, 0-9, '-', '.'",
)


class Money(ContractMoney):
    """A decimal string and a currency; never a float."""

    amount: str = Field(
        max_length=20,
        description="A decimal number, for example 0.012.",
        json_schema_extra=rules(
            rule(
                "self.matches('^[0-9]{1,12}([.][0-9]{1,6})?$')",
                "must be a decimal number such as 0.012, with at most 6 digits after the point",
            )
        ),
    )
    currency: str = Field(
        max_length=3,
        description="ISO 4217 code, for example USD.",
        json_schema_extra=rules(
            rule("self.matches('^[A-Z]{3}$')", "must be an ISO 4217 code such as USD")
        ),
    )


class Input(Part):
    """What is to be labeled."""

    manifest: str = Field(
        max_length=URI_MAX,
        description="URI of the input manifest: JSON Lines with source or source-ref. Immutable.",
        json_schema_extra=rules(URI_RULE, PATH_RULE, immutable("input.manifest")),
    )
    audit_label_attribute_name: str | None = Field(
        default=None,
        max_length=127,
        description="Key, in the manifest's lines, of the earlier label that people correct "
        "(LabelAdjustment, which needs it) or judge (LabelVerification). Immutable, also its "
        "absence.",
        json_schema_extra=rules(ATTRIBUTE_RULE),
    )


class Output(Part):
    """Where results and all state go."""

    uri: str = Field(
        max_length=URI_MAX,
        description="URI of a folder; results and state lie under <uri>/<name>/. Immutable.",
        json_schema_extra=rules(URI_RULE, PATH_RULE, immutable("output.uri")),
    )
    layout: Literal["Minimal", "GroundTruth"] = Field(
        default="Minimal",
        description="GroundTruth: export also writes annotations/ as Ground Truth has it, with "
        "every answer and every consolidation.",
    )
    take_over: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="The uid of a deleted LabelingJob of the same name and output, whose state is "
        "continued.",
    )


class ServerSideEncryption(Part):
    """How the store encrypts what is written."""

    type: Literal["AES256", "aws:kms"] = Field(description="The kind of encryption.")
    key_id: str | None = Field(
        default=None, min_length=1, max_length=2_048, description="The KMS key, for aws:kms only."
    )

    model_config = {
        "json_schema_extra": rules(
            rule(
                "!has(self.keyID) || self.type == 'aws:kms'",
                "keyID goes with type aws:kms only",
                field_path=".keyID",
            )
        )
    }


class Storage(Part):
    """How the object store is reached; without a Secret by the operator's own credentials."""

    secret_name: str | None = Field(
        default=None,
        max_length=253,
        description="A Secret of this namespace with credentials, labelled "
        "surelabel.dev/allow-use: storage.",
        json_schema_extra=rules(SECRET_NAME_RULE),
    )
    ca_secret_name: str | None = Field(
        default=None,
        max_length=253,
        description="A Secret of this namespace with the key ca.crt, labelled "
        "surelabel.dev/allow-use: storage: certificate authorities that are trusted beside the "
        "usual ones.",
        json_schema_extra=rules(SECRET_NAME_RULE),
    )
    endpoint: str | None = Field(
        default=None,
        max_length=URI_MAX,
        description="Address of the store, if it is not the cloud's own. The operator's settings "
        "or the Secret must have it too.",
        json_schema_extra=rules(
            rule(
                "self.matches('^https?://[^/?#@]+/?$')",
                "must be http(s)://host[:port], without path, user or query",
            )
        ),
    )
    region: str | None = Field(
        default=None, min_length=1, max_length=64, description="Region of the bucket."
    )
    server_side_encryption: ServerSideEncryption | None = Field(
        default=None, description="How the store encrypts what is written."
    )
