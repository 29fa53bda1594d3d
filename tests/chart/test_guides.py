"""docs/guides/install.md and security.md against the chart and the code."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from chart.rendering import ROOT, Helm, of_kind, only
from surelabel_contract.store_client import CREDENTIAL_KEYS
from surelabel_operator import trust
from surelabel_operator.reasons import Reason

INSTALL = (ROOT / "docs" / "guides" / "install.md").read_text()
SECURITY = (ROOT / "docs" / "guides" / "security.md").read_text()
EXAMPLES: list[dict[str, Any]] = [
    yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", INSTALL, flags=re.DOTALL)
]


@pytest.mark.parametrize("values", EXAMPLES, ids=lambda values: next(iter(values)))
def test_every_values_example_of_the_guide_renders(helm: Helm, values: dict[str, Any]) -> None:
    text = yaml.safe_dump(values).replace("<registry>", "registry.example")
    assert only(helm.objects(yaml.safe_load(text)), "Deployment")


def test_install_guide_has_the_message_that_the_policy_gives(helm: Helm) -> None:
    policy = only(helm.objects({}), "ValidatingAdmissionPolicy")
    (validation,) = policy["spec"]["validations"]
    fixed = re.findall(r"'([^']*)'", validation["messageExpression"])
    shown = " ".join(INSTALL.split())
    for part in fixed:
        assert part.strip(" .") in shown


def test_install_guide_names_the_keys_of_a_secret_that_count() -> None:
    for key in CREDENTIAL_KEYS:
        assert f"`{key}`" in INSTALL
    assert f"{trust.ALLOW_USE_LABEL}=storage" in INSTALL


@pytest.mark.parametrize("text", [INSTALL, SECURITY], ids=["install", "security"])
def test_every_reason_that_a_guide_names_exists(text: str) -> None:
    for name in re.findall(r"`([A-Z][a-z]+(?:[A-Z][a-z]+)+)`", text):
        if name.endswith("Allowed"):
            assert name in set(Reason)


def test_security_guide_lists_every_right_of_the_operator(helm: Helm) -> None:
    told = {
        tuple(cell.strip() for cell in row.split("|")[2:4])
        for row in SECURITY.splitlines()
        if row.startswith("| ")
    }
    rules = [
        rule
        for kind in ("Role", "ClusterRole")
        for role in of_kind(helm.objects({}), kind)
        for rule in role["rules"]
    ]
    for rule in rules:
        verbs = ", ".join(rule["verbs"])
        names = ", ".join(rule["resources"])
        assert any(what.startswith(names) and listed == verbs for what, listed in told), rule


def test_guides_link_only_to_files_that_exist() -> None:
    for text in (INSTALL, SECURITY):
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            assert (ROOT / "docs" / "guides" / target).resolve().exists(), target
