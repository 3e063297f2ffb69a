"""Models of other projects that a run can start from."""

from __future__ import annotations

from pathlib import Path

from desktop_llm.tasks import TASKS
from desktop_llm.verbs import sources
from tests.catalog.folders import BERT, LLAMA, make


def test_the_newest_model_of_each_project_that_fits_is_offered(tmp_path: Path) -> None:
    talks, labels = tmp_path / "Talks", tmp_path / "Labels"
    make(talks / "runs" / "0001" / "model", LLAMA)
    newest = make(talks / "runs" / "0002" / "model", LLAMA)
    (talks / "runs" / "0003").mkdir()  # it has not ended
    encoder = make(labels / "runs" / "0001" / "model", BERT)
    projects = [talks, labels, tmp_path / "gone"]
    assert sources.of_projects(projects, TASKS["preference"]) == [str(newest)]
    assert str(encoder) in sources.of_projects(projects, TASKS["text_classification"])
