"""Verdicts on two models: kept, taken back, seen from either side, made rows or a file of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from desktop_llm.errors import UserError
from desktop_llm.jobs.generation import Sampling
from desktop_llm.rows import Filter, NewItem
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.verbs import blind
from desktop_llm.verbs.blind import Match

PAIRS = TASKS["preference"]
TALKS = TASKS["dialogue"]


def _models(path: Path) -> list[Path]:
    folders = [path / "one", path / "other"]
    for place, folder in enumerate(folders):
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(bytes([place]))
    return folders


@pytest.fixture
def pairs(tmp_path: Path) -> Iterator[Project]:
    """Eight prompts, four of them held out."""
    with closing(Project.create(tmp_path / "Pairs", PAIRS.name)) as project:
        items = [
            NewItem(content={"prompt": f"asked {place}", "a": "yes", "b": "no"}, split="test" if place < 4 else "train")
            for place in range(8)
        ]
        project.items.insert("pairs", items, to_value=PAIRS.labels.to_value, class_names=PAIRS.labels.names)
        yield project


def _judge(project: Project, told: Match, verdicts: dict[str, str]) -> None:
    """By the answers that are better."""
    for item, (better, worse) in zip(told.prompts, verdicts.items(), strict=False):
        duel = blind.put(project, told, item, (better, worse), Sampling())
        left, _ = blind.left_and_right(duel)
        blind.judge(project, duel, "left" if left == better else "right", "me")


def test_verdicts_count_for_the_model_wherever_it_stood(pairs: Project, tmp_path: Path) -> None:
    folders = _models(tmp_path)
    told = blind.match(pairs, folders)
    assert (told.total, len(told.prompts), told.wins.judged) == (4, 4, 0)
    _judge(pairs, told, {"good 1": "bad 1", "good 2": "bad 2", "good 3": "bad 3"})
    assert blind.standing(pairs, told).first == 3
    again = blind.match(pairs, folders)
    assert (len(again.prompts), again.wins.first, again.total) == (1, 3, 4)
    turned = blind.match(pairs, folders[::-1])
    assert (turned.wins.first, turned.wins.second) == (0, 3)
    assert {one.turned for one in (again, turned)} == {True, False}


def test_answers_that_are_written_wait_and_the_last_verdict_can_be_taken_back(pairs: Project, tmp_path: Path) -> None:
    folders = _models(tmp_path)
    told = blind.match(pairs, folders)
    duel = blind.put(pairs, told, told.prompts[0], ("one", "two"), Sampling(seed=3))
    again = blind.match(pairs, folders)
    assert again.waiting == (duel,)
    assert set(again.prompts) == set(told.prompts[1:])
    assert blind.take_back(pairs, told) is None
    blind.judge(pairs, duel, "tie")
    assert blind.standing(pairs, told).ties == 1
    back = blind.take_back(pairs, told)
    assert back is not None
    assert back.id == duel.id
    assert blind.match(pairs, folders).waiting == (duel,)


def test_the_same_answer_twice_is_a_tie(pairs: Project, tmp_path: Path) -> None:
    told = blind.match(pairs, _models(tmp_path))
    blind.put(pairs, told, told.prompts[0], ("same ", "same"), Sampling())
    assert blind.standing(pairs, told).ties == 1


def test_either_side_is_as_likely(pairs: Project, tmp_path: Path) -> None:
    told = blind.match(pairs, _models(tmp_path))
    left = [
        blind.left_and_right(blind.put(pairs, told, told.prompts[0], ("one", "two"), Sampling()))[0] for _ in range(200)
    ]
    assert 60 < left.count("one") < 140


def test_verdicts_become_rows_of_a_project_of_pairs(pairs: Project, tmp_path: Path) -> None:
    told = blind.match(pairs, _models(tmp_path))
    with pytest.raises(UserError, match="Nothing has been judged"):
        blind.into_rows(pairs, told)
    _judge(pairs, told, {"good 1": "bad 1", "good 2": "bad 2"})
    made, changes = blind.into_rows(pairs, told)
    assert (made, changes.items) == (2, True)
    new = [row for row in pairs.items.page(Filter(), 0, 100) if row.source == blind.SOURCE]
    assert {row.content[str(row.value)] for row in new} == {"good 1", "good 2"}
    assert {row.content["prompt"] for row in new} <= {f"asked {place}" for place in range(4)}
    assert blind.into_rows(pairs, told)[0] == 0


@pytest.mark.parametrize("system", [False, True])
def test_verdicts_of_conversations_become_a_file_of_pairs(tmp_path: Path, system: bool) -> None:
    talk = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
    if system:
        talk.insert(0, {"role": "system", "content": "Be brief."})
    with closing(Project.create(tmp_path / "Talks", TALKS.name)) as project:
        item = NewItem(content={"messages": json.dumps(talk)}, label=talk, split="test")
        project.items.insert("talks", [item], to_value=TALKS.labels.to_value, class_names=TALKS.labels.names)
        told = blind.match(project, _models(tmp_path))
        with pytest.raises(UserError, match="no verdict yet"):
            blind.save(project, told, tmp_path / "out.jsonl")
        _judge(project, told, {"Because.": "No."})
        with pytest.raises(UserError, match="no pairs of answers"):
            blind.into_rows(project, told)
        assert blind.save(project, told, tmp_path / "out.jsonl") == 1
    told_row = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))
    if system:
        answers = [[{"role": "assistant", "content": text}] for text in ("Because.", "No.")]
        assert told_row == {"prompt": talk[:2], "chosen": answers[0], "rejected": answers[1]}
    else:
        assert told_row == {"prompt": "Why?", "chosen": "Because.", "rejected": "No."}


def test_what_cannot_be_judged_says_why(pairs: Project, tmp_path: Path) -> None:
    folders = _models(tmp_path)
    with pytest.raises(UserError, match="the same weights"):
        blind.match(pairs, [folders[0], folders[0]])
    with pytest.raises(UserError, match="is gone"):
        blind.match(pairs, [folders[0], tmp_path])
    with closing(Project.create(tmp_path / "Empty", PAIRS.name)) as empty, pytest.raises(UserError, match="held out"):
        blind.match(empty, folders)
