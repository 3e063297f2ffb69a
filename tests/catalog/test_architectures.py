"""What our reading of the tables of transformers says is what transformers itself says."""

from __future__ import annotations

from typing import Any

import pytest

from desktop_llm.catalog import architectures, folder


def _types() -> list[str]:
    from transformers.models.auto import configuration_auto

    known: Any = configuration_auto
    return list(known.CONFIG_MAPPING_NAMES)


@pytest.mark.parametrize("head", folder.HEADS)
def test_the_heads_of_all_types(head: str) -> None:
    from transformers.models.auto import modeling_auto

    names = getattr(modeling_auto, f"MODEL_FOR_{head}_MAPPING_NAMES")
    assert len(names) > 20
    assert all(architectures.told(kind, head) for kind in names)
    assert {kind for kind in _types() if architectures.has(kind, head)} <= set(names)


def test_the_types_that_it_knows() -> None:
    assert all(architectures.known(kind) for kind in _types())
    assert not architectures.known("bort9")


def test_neither_torch_nor_transformers_is_loaded_for_it() -> None:
    import subprocess
    import sys

    words = (
        "import sys; from desktop_llm.catalog import architectures; assert architectures.known('bert'); "
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", words], check=True)
