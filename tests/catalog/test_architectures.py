"""What our reading of the tables of transformers says is what transformers itself says."""

from __future__ import annotations

import pytest

from desktop_llm.catalog import architectures, folder


@pytest.mark.parametrize("head", folder.HEADS)
def test_the_heads_of_all_types(head: str) -> None:
    from transformers.models.auto import modeling_auto

    names = getattr(modeling_auto, f"MODEL_FOR_{head}_MAPPING_NAMES")
    assert len(names) > 20
    assert all(architectures.told(kind, head) for kind in names)
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    assert {kind for kind in CONFIG_MAPPING_NAMES if architectures.has(kind, head)} <= set(names)


def test_the_types_that_it_knows() -> None:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    assert all(architectures.known(kind) for kind in CONFIG_MAPPING_NAMES)
    assert not architectures.known("bort9")


def test_neither_torch_nor_transformers_is_loaded_for_it() -> None:
    import subprocess
    import sys

    words = (
        "import sys; from desktop_llm.catalog import architectures; assert architectures.known('bert'); "
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", words], check=True)
