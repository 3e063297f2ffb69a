"""Texts as they are, from a plain file to a model, on the command line and in the window; nobody labels anything."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPushButton, QSpinBox, QWidget
from pytestqt.qtbot import QtBot

from desktop_llm.cli import main
from desktop_llm.errors import UserError
from desktop_llm.gui.pages.label import LabelPage
from desktop_llm.gui.pages.label_queue import QueueCard
from desktop_llm.gui.window import MainWindow
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import changed
from desktop_llm.rows import Changes, Filter
from desktop_llm.store.project import Project
from desktop_llm.tasks import TASKS
from desktop_llm.tasks.language_modelling.screen import Figures
from desktop_llm.verbs import deleting, headless, importing, rerunning, snapshots, splitting, training
from desktop_llm.widgets.talk_trial import TalkTrial
from desktop_llm.widgets.told_text import ToldText
from tests.run_folders import TINY
from tests.tasks.language_modelling.fixture import rows
from tests.windows import LONG, click, find, open_in

TASK = TASKS["language_modelling"]
POEM = "明月几时有\n把酒问青天\n\n不知天上宫阙\n今夕是何年\n\n\n我欲乘风归去"


def _file(path: Path, text: str = POEM) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def _project(path: Path, count: int = 60) -> Path:
    with closing(Project.create(path, TASK.name)) as project:
        text = "\n\n".join(f"{place} {row['text']}" for place, row in enumerate(rows(count)))
        importing.run(project, importing.plan(TASK, _file(path.with_suffix(".txt"), text)))
    return path


@pytest.mark.parametrize(
    ("unit", "count", "first"),
    [
        (None, 3, "明月几时有\n把酒问青天"),
        ("line", 5, "明月几时有"),
        ("paragraph", 3, "明月几时有\n把酒问青天"),
        ("file", 1, POEM),
    ],
)
def test_a_plain_file_comes_in_by_line_paragraph_or_whole(
    unit: str | None, count: int, first: str, tmp_path: Path
) -> None:
    with closing(Project.create(tmp_path / "project", TASK.name)) as project:
        report = importing.run(project, importing.plan(TASK, _file(tmp_path / "in.txt"), unit=unit))
        assert (report.imported, report.labeled) == (count, 0)
        assert next(iter(project.items.labelled(every=True))).content == {"text": first}
        assert project.items.characters() == sum(len(one.content["text"]) for one in project.items.labelled(every=True))


def test_lines_without_gaps_are_rows_and_tables_stay_tables(tmp_path: Path) -> None:
    lines = importing.plan(TASK, _file(tmp_path / "in.txt", "one, two\nthree\nfour\n"))
    assert (lines.form.kind, lines.form.unit, lines.seen) == ("text", "line", 3)
    table = importing.plan(TASK, _file(tmp_path / "in.csv", "text,year\none,1\ntwo,2\n"))
    assert (table.form.kind, table.mapping) == ("csv", {"text": "text"})
    by_line = importing.plan(next(iter(TASKS.values())), _file(tmp_path / "in.txt", "a,b\nc,d\n"), unit="line")
    assert [row["text"] for row in by_line.sample] == ["a,b", "c,d"]
    with pytest.raises(UserError, match="one of line, paragraph, file"):
        importing.plan(TASK, tmp_path / "in.txt", unit="word")


def test_every_row_is_learned_from_or_held_out(tmp_path: Path) -> None:
    with closing(Project.open(_project(tmp_path / "project"))) as project:
        recipe = changed(TASK.recipe, {**TINY, "max_steps": 2})
        ready = training.check(project, recipe)
        assert sum(ready.splits.values()) == 60
        assert set(ready.splits) == {"train", "validation", "test"}
        assert ready.classes == {}
        dealt = splitting.deal(project, splitting.rule(project))
        assert len(dealt.split_of) == 60
        number, folder = training.prepare(project, recipe)
        assert sum(int(folder.job().snapshot[name]) for name in ready.splits) == 60
        assert snapshots.compare(project, number).same == 60


def test_tokens_are_made_once_and_go_with_the_last_run_of_their_data(tmp_path: Path) -> None:
    with closing(Project.open(_project(tmp_path / "project"))) as project:
        recipe = changed(TASK.recipe, {**TINY, "max_steps": 1, "vocab_size": 257, "torch_compile": False})
        runs = []
        for seed in (1, 2):
            number, folder = training.prepare(project, changed(recipe, {"seed": seed}))
            assert headless.train(project, number, lambda told, words: None, lambda leave: None) == 0
            made = {path: path.stat().st_mtime_ns for path in folder.tokens.rglob("*.npy")}
            runs.append((number, made))
        assert folder.tokens == tmp_path / "project" / "cache" / "tokens"
        assert runs[0][1] == runs[1][1]
        assert len(made) == 6  # two files of each split
        deleting.delete(project, 1)
        assert all(path.exists() for path in made)
        deleting.delete(project, 2)
        assert not any(path.exists() for path in made)


def test_nothing_to_learn_from_is_said(tmp_path: Path) -> None:
    with (
        closing(Project.create(tmp_path / "project", TASK.name)) as project,
        pytest.raises(UserError, match="import some texts"),
    ):
        training.check(project, TASK.recipe)


def test_defaults_follow_how_much_text_there_is(tmp_path: Path) -> None:
    few = training.default_recipe(TASK, "scratch", 10)
    many = training.default_recipe(TASK, "scratch", 100_000)
    assert few.num_train_epochs > many.num_train_epochs == 1.0
    assert few.per_device_train_batch_size < many.per_device_train_batch_size
    with closing(Project.open(_project(tmp_path / "project"))) as project:
        assert training.amount(project) == project.items.characters() // (3 * TASK.recipe.max_length)


def _say(capsys: pytest.CaptureFixture[str], *words: object) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main([str(word) for word in words]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def test_from_a_file_to_an_export_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = tmp_path / "project"
    _file(tmp_path / "in.txt", "\n".join(f"{place} {row['text']}" for place, row in enumerate(rows(60))))
    _say(capsys, "new", project, "--task", TASK.name)
    _say(capsys, "import", project, tmp_path / "in.txt", "--unit", "line")
    values = {**TINY, "max_steps": 4, "vocab_size": 257, "torch_compile": False}
    wishes = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
    _say(capsys, "train", project, *wishes)
    (told,) = _say(capsys, "evaluate", project, 1, "--json")
    assert set(told["metrics"]) == {"perplexity", "bits_per_byte", "nats_per_character", "loss"}
    asked = _say(capsys, "predict", project, 1, tmp_path / "in.txt", "--measure", "--json")
    assert len(asked) == 60
    assert asked[0]["label"]["tokens"] == len(asked[0]["text"]) + 1
    wanted = ("--max-new-tokens", 5, "--seed", 3, "--temperature", 1.5)
    written = _say(capsys, "predict", project, 1, tmp_path / "in.txt", *wanted, "--json")
    assert len(written) == 60
    assert all(one["reason"] in ("length", "end") and one["tokens"] <= 5 for one in written)
    assert written[0]["text"] == asked[0]["text"]
    assert main(["predict", str(project), "1", "the old map", "--measure"]) == 0
    assert re.match(r"perplexity [\d.]+ of 12 tokens, next .+ %\t0\.\d+\tthe old map\n", capsys.readouterr().out)
    (told,) = _say(capsys, "predict", project, 1, "the old map", "--measure", "--tokens", "--json")
    assert "".join(one["text"] for one in told["pieces"]) == "the old map"
    assert sum(one["nats"] for one in told["pieces"]) == told["nats"] > 0
    assert main(["predict", str(project), "1", "the old map", "--measure", "--tokens"]) == 0
    header, *lines = capsys.readouterr().out.splitlines()
    assert header == "    nats\ttoken"
    assert [float(line.split("\t")[0]) for line in lines] == pytest.approx(
        [one["nats"] for one in told["pieces"]], abs=1e-3
    )
    assert main(["predict", str(project), "1", "the old map", "--tokens"]) == 2
    capsys.readouterr()
    _say(capsys, "export", project, 1, "--to", tmp_path / "out")
    (again,) = _say(capsys, "predict", tmp_path / "out", written[0]["text"], *wanted, "--json")
    assert again["continuation"] == written[0]["continuation"] != ""
    for words in (("--top-k", "many"), ("--top-p", "7")):
        assert main(["predict", str(project), "1", "a", *words]) == 2
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "text-generation" in card
    assert "labels (" not in card


def test_in_the_window_a_text_is_gone_on_with_and_kept(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    with closing(Project.open(_project(tmp_path / "project"))) as made:
        for _ in range(2):
            number, _ = training.prepare(made, changed(TASK.recipe, {**TINY, "max_steps": 12, "torch_compile": False}))
            assert headless.train(made, number, lambda told, words: None, lambda leave: None) == 0
    project = open_in(qtbot, window, tmp_path / "project", "try")
    rows_before = project.items.counts().total
    view = find(window, TalkTrial, "try.view")
    qtbot.waitUntil(view.isVisible, timeout=LONG)
    find(window, QSpinBox, "try.sampling.max_new_tokens").setValue(6)
    # By chance a model may write nothing but its end, and nothing cannot be kept.
    find(window, QLineEdit, "try.sampling.temperature").setText("0")
    beside = find(window, QComboBox, "try.beside")
    assert [beside.itemText(place) for place in range(beside.count())] == ["Nothing beside it", "Run 1 · from scratch"]
    beside.setCurrentIndex(1)
    beside.activated.emit(1)
    view.text.setPlainText("the a my")
    click(qtbot, window, "try.send")
    qtbot.waitUntil(lambda: find(window, QPushButton, "try.keep").isEnabled(), timeout=LONG)
    texts = [find(window, ToldText, f"try.turn.{column}.2").toPlainText() for column in (1, 2)]
    assert all(texts)
    click(qtbot, window, "try.keep")
    qtbot.waitUntil(lambda: project.items.counts().total == rows_before + 1, timeout=LONG)
    last = project.items.page(Filter(), 0, 1000)[-1]
    assert last.content["text"] == "the a my" + texts[0]
    view.text.setPlainText("the a 好")
    click(qtbot, window, "try.measure")
    qtbot.waitUntil(lambda: find(window, QPushButton, "try.on").isEnabled(), timeout=LONG)
    for column in (1, 2):
        words = [one.text() for one in find(window, QWidget, f"try.column.{column}").findChildren(QLabel)]
        assert any(" nats a token" in one and " tokens" in one for one in words)
        assert find(window, ToldText, f"try.turn.{column}.1").toPlainText() == "the a 好"


def _page(window: MainWindow) -> LabelPage:
    page = window.page("label")
    assert isinstance(page, LabelPage)
    return page


def test_the_label_page_shows_texts_and_leads_to_training(qtbot: QtBot, window: MainWindow, tmp_path: Path) -> None:
    project = open_in(qtbot, window, _project(tmp_path / "project"), "label")
    page = _page(window)
    assert page.item is not None
    first = page.item.id
    queue = page.findChild(QueueCard)
    assert isinstance(queue, QueueCard)
    words = [one.text() for one in queue.findChildren(QLabel)]
    assert "Texts" in words
    assert "60 in all" in words
    number, _ = training.prepare(project, changed(TASK.recipe, {**TINY, "max_steps": 2}))
    said = Prediction(label={"nats": 6.0, "tokens": 3}, probability=0.1, uncertainty=0.3)
    project.predictions.write(number, [(first, said)])
    window.hub.changed.emit(Changes(predictions=True))
    qtbot.waitUntil(lambda: page.item is not None and page.item.prediction is not None, timeout=LONG)
    for key in ("Space", "Return", "1", "Delete"):
        QTest.keySequence(page, QKeySequence(key))
    assert page.item.id == first
    counts = project.items.counts()
    assert (counts.labeled, counts.skipped) == (0, 0)
    QTest.keySequence(page, QKeySequence("D"))
    assert page.item.id != first
    for name in ("label.session.labeled", "label.show"):
        assert not find(window, QWidget, name).isVisible()
    click(qtbot, window, "label.train")
    qtbot.waitUntil(lambda: window.page_name == "train", timeout=LONG)
    held = find(window, QLabel, "train.before.train")
    qtbot.waitUntil(lambda: held.text() not in ("–", "0"), timeout=LONG)
    assert not find(window, QLabel, "train.before.classes").isVisible()


def test_results_tell_the_oddest_texts(qtbot: QtBot) -> None:
    view = Figures()
    qtbot.addWidget(view)
    view.show_details({})
    odd = find(view, QPushButton, "results.odd")
    assert not odd.isEnabled()
    rows_told = {"odd": [7, 8], "usual": [8, 7]}
    view.show_details(
        {
            "texts": 2, "tokens": 9, "bytes": 30, "lowest": 1.0, "highest": 3.0, "counts": [1, 0, 1],
            "odd": [["zebra", 3.0], ["the", 1.0]], "rows": rows_told,
        }
    )  # fmt: skip
    assert view.table.rowCount() == 2
    with qtbot.waitSignal(view.these_asked) as asked:
        QTest.mouseClick(odd, Qt.MouseButton.LeftButton)
    assert asked.args[0] == [7, 8]


def test_a_run_made_longer_is_reckoned_in_the_blocks_it_learns_from(tmp_path: Path) -> None:
    path = _project(tmp_path / "Poems")
    with closing(Project.open(path)) as project:
        number, _ = training.prepare(project, changed(TASK.recipe, {**TINY, "num_train_epochs": 2.0}))
        assert headless.train(project, number, lambda told, words: None, lambda leave: None) == 0
        steps = project.runs.get(number).step
        with pytest.raises(UserError, match=f"stands at step {steps} and would end at step"):
            rerunning.prolong(project, number, {"num_train_epochs": 1.5})
        told = rerunning.prolong(project, number, {"num_train_epochs": 4.0})
        assert (told.step, told.before, told.after) == (steps, steps, 2 * steps)
        assert headless.train(project, number, lambda told, words: None, lambda leave: None) == 0
        assert project.runs.get(number).step == 2 * steps
