"""What a task tells the rest of the program about itself.

The pages, the store, the engine and the command line know tasks only through `Task`; they never name one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from desktop_llm.errors import UserError
from desktop_llm.jobs.generation import Sampling
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import Recipe

if TYPE_CHECKING:
    from desktop_llm.evidence.tally import Tally
    from desktop_llm.nets.learner import LearnRoom
    from desktop_llm.widgets.screen import ScreenRoom


@dataclass(frozen=True, slots=True, kw_only=True)
class RowField:
    """A piece of a row that comes from a column of a file. `guesses` are usual column names, best first.

    `shared`: its column may be another field's, too. `structured`: it is JSON, to be kept as such.
    """

    name: str
    title: str
    required: bool
    guesses: tuple[str, ...]
    shared: bool = False
    structured: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A figure of the task by its common name; `percent` says how it is shown.

    `goes_with`: a key of recipes and the value of it without which there is no such figure.
    """

    name: str
    title: str
    higher_is_better: bool
    percent: bool
    goes_with: tuple[str, object] | None = None

    def fits(self, recipe: Recipe) -> bool:
        """Whether a run of this recipe is measured by it."""
        return self.goes_with is None or getattr(recipe, self.goes_with[0]) == self.goes_with[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A named set of recipe values for the form, with one sentence on when to take it."""

    title: str
    help: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The outcome of a measurement: `metrics` by common name, `details` (JSON) for the task's result view.

    `places` are rows that the view opens, by a key of its own, as places in what was measured; whoever measured puts
    their ids into `details` as `rows`.
    """

    metrics: Mapping[str, float]
    details: Mapping[str, Any] = field(default_factory=dict)
    places: Mapping[str, Sequence[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Something about its labels that a project may choose, yes or no; kept in the project under `name`."""

    name: str
    title: str
    help: str
    default: bool


Move = Callable[[int, int], tuple[int, int] | None]
"""Where a stretch of a text, in code points and the end exclusive, is after the text has changed; None: it was cut."""


class Labels(Protocol):
    """The rules of a task's labels, for values as the store keeps them (JSON, classes by number)."""

    def parse(self, cell: object) -> Any | None:
        """A label in names from an imported cell; None when the cell holds no label. Raises UserError."""

    def renamed(self, named: Any, names: Mapping[str, str]) -> Any:
        """A label in names, after classes were renamed as `names` says (old to new; absent: as it was)."""

    def names(self, named: Any) -> tuple[str, ...]:
        """The class names that a label in names uses."""

    def to_value(self, named: Any, numbers: Mapping[str, int]) -> Any:
        """The stored value of a label in names; `numbers` maps class names to class ids."""

    def to_named(self, value: Any, names: Mapping[int, str]) -> Any:
        """The label in names of a stored value; `names` maps class ids to class names."""

    def text(self, value: Any, names: Mapping[int, str]) -> str:
        """A stored value as a short text for tables."""

    def stratum(self, named: Any) -> str:
        """The key by which labelled rows are spread evenly over the splits."""

    def trainable(self, counts: Mapping[str, int]) -> None:
        """Raise UserError, with what to do, when rows per stratum (`counts`) are too few to train on."""


class Score(Protocol):
    """Truth and predictions to numbers."""

    def __call__(self, truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Scores:
        """Measure predictions against labels in names (same order and length)."""


class TallyMaker(Protocol):
    """Truth and predictions to what rows add to the figures of the task's score."""

    def __call__(self, truth: Sequence[Any], predictions: Sequence[Prediction], classes: Sequence[str]) -> Tally:
        """As `Score`, whose figures those of the tally are, for any draw of the rows."""


FileCells = Callable[[Mapping[str, str], Any | None, str, Mapping[str, str]], dict[str, object] | None]
"""See `Task.file_cells`."""
Asks = Callable[[Mapping[str, str]], Sequence[Mapping[str, Any]]]
Compared = Callable[[Mapping[str, str], str, str, str], tuple[dict[str, str], Any]]
"""See `Task.asks` and `Task.compared`."""
HEADS = {
    "text-classification": "SEQUENCE_CLASSIFICATION",
    "token-classification": "TOKEN_CLASSIFICATION",
    "text-generation": "CAUSAL_LM",
    "text2text-generation": "SEQ_TO_SEQ_CAUSAL_LM",
    "translation": "SEQ_TO_SEQ_CAUSAL_LM",
    "summarization": "SEQ_TO_SEQ_CAUSAL_LM",
    "fill-mask": "MASKED_LM",
}
"""The head that the models of a pipeline have."""
UNTAUGHT = "Rows of this kind can be labeled, agreed on, saved and exchanged; there is no model to train for them yet."


def in_one_line(content: Mapping[str, str]) -> str:
    """A row's fields one behind the other."""
    return " · ".join(content.values())


def no_learn_room() -> LearnRoom:
    """Where a task has none. Raises UserError."""
    raise UserError(UNTAUGHT)


def no_score() -> Score:
    """Where a task has none. Raises UserError."""
    raise UserError(UNTAUGHT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """What is otherwise than a task says with some recipes: the main metric, and how such a model is asked."""

    metric: str
    pipeline: str
    usage: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """How the model in the loop learns the task's labels, as classes (`Labels.names`) of whole texts.

    `many`: a row may have several classes, or none. `named` makes a label in names from the classes of a row.
    """

    many: bool
    named: Callable[[tuple[str, ...]], Any]


def sizes(vocabulary: int, wide: int, layers: int, heads: int, length: int) -> dict[str, int]:
    """A Transformer's sizes as recipes call them, for presets."""
    return {
        "vocab_size": vocabulary,
        "hidden_size": wide,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "max_length": length,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Who a task is.

    `needs` is one sentence on what a row needs; `fields` the columns to map (text first, label last);
    `recipe` the defaults from scratch, `folder_recipe` those from a model folder; `groups` the groups of recipe keys
    that not all tasks have; `metrics` the main one first; `switches` what a project may choose of its labels.
    `cell` is where files have the label in names: label, labels or spans. `move_label`, where labels speak of places
    in the text, moves a label in names along with it: the new label, and how many parts of it are gone.
    `least_classes` is how many classes the training rows must have between them.
    `several`: a label is a list of classes, so that one may be added or taken away. `ordered`: the classes have an
    order, that of their positions; those called by numbers come in the order of these. `pipeline` is what transformers
    calls such a model, `usage` the lines that ask it, after `model = pipeline(…)`, in a model card. `formats` are
    those of `data.writers` in which rows are usually saved, best first. `loop` is how a model learns while rows are
    labeled, None where labels are no classes of whole texts.
    A task without a learn room `learns` nothing: its rows are labeled, saved and exchanged, and it needs neither
    recipes nor metrics nor a score. `classes`: its labels are of classes, which a project lists, names and colours.
    `unsupervised`: a row is all there is to learn from. None needs a label and there is no field for it, every row is
    learned from or held out, and what a score gets for the truth is the row itself. `feed_forward` is how many times
    wider than its embeddings the inner layers of a model from scratch are; one that `reads_and_writes` has beside each
    layer that reads a text one that writes another.
    `starts` are the heads, in the words of transformers (see `catalog.folder.HEADS`), one of which a model must be able
    to have to start from it; empty, it is the head of the `pipeline`.
    `label_of` reads a label from a cell and the row's content, where the cell alone does not tell; `in_line` tells a
    row's content in one line; `file_cells` tells a row as a format of `data.writers` has it, from its content, label in
    names or None, format and further cells; None leaves it out.
    `writes`: its models write texts, from what `nets.learner.Writing` calls an opening, and as `sampling` has it unless
    somebody wants it otherwise. `auto_model` is the class of transformers that loads its models where no pipeline does;
    `usage` are then lines with `model` and `tokenizer`. `asks` tells the messages that a row's content asks them to
    answer, none where it asks nothing; `compared`, where rows are pairs of answers, makes a row's content and label in
    names from another row's content, two answers to it, and “a”, “b” or “tie”.
    `explains`: its answers are chances of classes for one text, `text`, whose words they can be traced back to (see
    `nets.learner.Explaining`).
    `answer_words` tells an answer of a model in a few words, where its label in names is not what one wants to read.
    `other` tells what is otherwise with a recipe, None where nothing is.
    `open_tally` tells what rows add to the figures, so that these get intervals and runs can be compared.
    `tokens_a_parameter` is how much text a parameter of a model from scratch wants, and `sizing_source` who says so.
    """

    name: str
    title: str
    description: str
    needs: str
    fields: tuple[RowField, ...]
    recipe: Recipe = field(default_factory=Recipe)
    folder_recipe: Recipe = field(default_factory=Recipe)
    groups: tuple[str, ...] = ()
    presets: tuple[Preset, ...] = ()
    metrics: tuple[Metric, ...] = ()
    labels: Labels
    open_score: Callable[[], Score] = no_score
    open_tally: Callable[[], TallyMaker] | None = None
    open_learn: Callable[[], LearnRoom] = no_learn_room
    open_screen: Callable[[], ScreenRoom]
    switches: tuple[Switch, ...] = ()
    cell: str = "label"
    move_label: Callable[[Any, Move], tuple[Any, int]] | None = None
    least_classes: int = 2
    several: bool = False
    ordered: bool = False
    pipeline: str = "text-classification"
    starts: tuple[str, ...] = ()
    usage: tuple[str, ...] = ('print(model("your text"))',)
    loop: Loop | None = None
    classes: bool = True
    unsupervised: bool = False
    feed_forward: float = 2.0
    reads_and_writes: bool = False
    label_of: Callable[[object, Mapping[str, str]], Any | None] | None = None
    in_line: Callable[[Mapping[str, str]], str] = in_one_line
    file_cells: FileCells | None = None
    answer_words: Callable[[Prediction], str] | None = None
    formats: tuple[str, ...] = ()
    writes: bool = False
    explains: bool = False
    sampling: Sampling = field(default_factory=Sampling)
    auto_model: str = ""
    asks: Asks | None = None
    compared: Compared | None = None
    tokens_a_parameter: float = 0.02
    sizing_source: str = "a rule of thumb"
    other: Callable[[Recipe], Other | None] | None = None

    @property
    def learns(self) -> bool:
        """Whether there is a model to train for it."""
        return self.open_learn is not no_learn_room

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads, in the words of transformers, one of which a model needs to start from it."""
        return self.starts or (HEADS.get(self.pipeline, "SEQUENCE_CLASSIFICATION"),)

    def must_learn(self) -> None:
        """Raises UserError where there is no model to train."""
        if not self.learns:
            raise UserError(UNTAUGHT)

    @property
    def content(self) -> tuple[RowField, ...]:
        """The fields that make the row itself (all but the label)."""
        return tuple(one for one in self.fields if one.name != "label")

    def otherwise(self, recipe: Recipe) -> Other | None:
        """What is otherwise with this recipe, if anything."""
        return None if self.other is None else self.other(recipe)

    def main(self, measured: Collection[str] = ()) -> Metric:
        """The first of its metrics among those that were `measured`, by name."""
        return next((one for one in self.metrics if one.name in measured), self.metrics[0])

    def deciding(self, name: str, recipe: Recipe | None = None) -> Metric:
        """The measure by which the best model is chosen: `name`, '' the main one of the recipe. Raises UserError."""
        other = None if recipe is None else self.otherwise(recipe)
        there = [one for one in self.metrics if recipe is None or one.fits(recipe)]
        wanted = name or (other.metric if other is not None else self.metrics[0].name)
        metric = next((one for one in there if one.name == wanted), None)
        if metric is None:
            raise UserError(
                f"The run has no measure “{wanted}” (metric_for_best_model); "
                f"choose one of {', '.join(one.name for one in there)}."
            )
        return metric

    def metric(self, name: str) -> Metric | None:
        """The metric of that name."""
        return next((one for one in self.metrics if one.name == name), None)
