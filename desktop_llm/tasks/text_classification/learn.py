"""How this task learns: text → tokens → batch → encoder with a classification head → loss → answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.nn import functional
from transformers import (
    AutoModelForSequenceClassification,
    ModernBertConfig,
    ModernBertForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from desktop_llm.errors import UserError
from desktop_llm.jobs.job import Job
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.jobs.recipe import SCRATCH, Recipe
from desktop_llm.nets import compact_embedding, model_folder, tokens
from desktop_llm.nets import tokenizer as tokenizers
from desktop_llm.nets.learner import Batch, Report, Row
from desktop_llm.nets.tokens import TokenRows

TOP = 5
EMBEDDING_SUFFIX = ".weight"
DROPOUTS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "dropout",
    "embedding_dropout",
    "attention_dropout",
    "mlp_dropout",
    "classifier_dropout",
)
"""The keys under which the encoders of transformers keep their dropout."""


class Classifier:
    """An encoder with a classification head, its tokenizer, and the way texts pass through both."""

    model: PreTrainedModel

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        classes: Sequence[str],
        max_length: int,
        label_smoothing: float = 0.0,
    ) -> None:
        """Put the parts together; `classes` are the label names in the order of the model's outputs."""
        self.model = model
        self.classes = tuple(classes)
        self._tokenizer = tokenizer
        self._max_length = max_length
        self._smoothing = label_smoothing
        self._numbers = {name: place for place, name in enumerate(self.classes)}
        self._compact: compact_embedding.CompactEmbedding | None = None
        pad = tokenizer.pad_token_id
        self._pad = int(pad) if isinstance(pad, int) else 0

    def encode(self, rows: Iterable[Row], report: Report) -> TokenRows:
        """Texts to token ids; a label the model does not know, or none, becomes target −1."""
        pairs = ((str(row["text"]), self._numbers.get(str(row.get("label")), -1)) for row in rows)
        return tokens.encode(self._tokenizer, pairs, self._max_length, report)

    def narrow(self, examples: Sequence[TokenRows]) -> None:
        """Train only the word embeddings that the run's texts use; exact, see `nets.compact_embedding`."""
        self._compact = compact_embedding.compact(self.model, [one.ids for one in examples], [self._pad])

    def collate(self, examples: TokenRows, indices: Sequence[int]) -> Batch:
        """A padded batch: input_ids, labels, and attention_mask where something is padded."""
        return tokens.pad(examples, indices, self._pad)

    def loss(self, batch: Batch) -> torch.Tensor:
        """Mean cross-entropy, with label smoothing as in the recipe."""
        logits = self._logits(batch)
        return functional.cross_entropy(logits, batch["labels"], label_smoothing=self._smoothing)

    def outputs(self, batch: Batch) -> torch.Tensor:
        """Logits float32 [b, classes] on the CPU."""
        with torch.inference_mode():
            return self._logits(batch).cpu()

    def predictions(self, outputs: torch.Tensor) -> list[Prediction]:
        """The likeliest classes; uncertainty is one minus the margin between the first two."""
        chances = torch.softmax(outputs, dim=-1)
        best = torch.topk(chances, min(TOP, len(self.classes)), dim=-1)
        answers = []
        for values, places in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            runner_up = values[1] if len(values) > 1 else 0.0
            answers.append(
                Prediction(
                    label=self.classes[places[0]],
                    probability=values[0],
                    uncertainty=min(1.0, max(0.0, 1.0 - (values[0] - runner_up))),
                    top=tuple((self.classes[place], value) for place, value in zip(places, values, strict=True)),
                )
            )
        return answers

    def mean_loss(self, outputs: torch.Tensor, examples: TokenRows) -> float:
        """Mean cross-entropy (without smoothing) of the examples that have a label; 0 when none has."""
        targets = torch.from_numpy(examples.targets)
        known = targets >= 0
        if not bool(known.any()):
            return 0.0
        return float(functional.cross_entropy(outputs[known], targets[known]))

    def save(self, folder: Path) -> None:
        """Model (safetensors, float32), config with label names, and tokenizer in Hugging Face layout."""
        state = {name: value.detach().to("cpu") for name, value in self.model.state_dict().items()}
        if self._compact is not None:
            state[self._embedding_name()] = self._compact.expanded()
        self.model.save_pretrained(folder, state_dict=state)
        self._tokenizer.save_pretrained(folder)

    def adopt(self, folder: Path) -> None:
        """Take over the weights of a saved folder, word embeddings cut as they are here. Raises UserError."""
        try:
            state = load_file(folder / "model.safetensors")
        except (OSError, SafetensorError) as error:
            raise UserError(f"The weights in “{folder}” cannot be read ({error}).") from error
        if self._compact is not None:
            whole = state[self._embedding_name()]
            self._compact.whole = whole.clone()
            state[self._embedding_name()] = whole[self._compact.used]
        try:
            self.model.load_state_dict(state)
        except RuntimeError as error:
            raise UserError(f"The weights in “{folder}” do not fit the model of this run.") from error

    def _embedding_name(self) -> str:
        for name, module in self.model.named_modules():
            if module is self._compact:
                return str(name) + EMBEDDING_SUFFIX
        raise RuntimeError("the compact embedding is not part of the model")

    def _logits(self, batch: Batch) -> torch.Tensor:
        inputs: dict[str, Any] = {"input_ids": batch["input_ids"]}
        if "attention_mask" in batch:
            inputs["attention_mask"] = batch["attention_mask"]
        logits: torch.Tensor = self.model(**inputs).logits
        return logits.float()


def build(job: Job, rows: Callable[[str], Iterable[Row]], source: Path | None, report: Report) -> Classifier:
    """A classifier at its start: from scratch, from the recipe's model folder, or in the shape of `source`."""
    model_folder.quiet()
    recipe, classes = job.recipe, list(job.schema["classes"])
    if source is not None:
        config = _with_classes(model_folder.config(source), classes, recipe)
        tokenizer = model_folder.tokenizer(source)
        model = _from_config(config, source)
    elif recipe.model == SCRATCH:
        report("Learning the vocabulary", 0, 0)
        tokenizer = tokenizers.train((str(row["text"]) for row in rows("train")), recipe.vocab_size, recipe.max_length)
        shape = _scratch_config(recipe, tokenizer)
        config = _with_classes(shape, classes, recipe)
        model = ModernBertForSequenceClassification(shape)
    else:
        folder = Path(recipe.model).expanduser()
        report("Loading the model folder", 0, 0)
        config = _with_classes(model_folder.config(folder), classes, recipe)
        tokenizer = model_folder.tokenizer(folder)
        model_folder.check_vocabulary(folder, tokenizer, config)
        model = _from_folder(folder, config, new_head=True)
    if config.pad_token_id is None:
        config.pad_token_id = model.config.pad_token_id = tokenizer.pad_token_id
    length = model_folder.longest(config, recipe.max_length)
    tokenizer.model_max_length = length  # saved along, so that whoever answers later cuts texts where training did
    return Classifier(model, tokenizer, classes, length, recipe.label_smoothing_factor)


def load(folder: Path) -> Classifier:
    """A finished classifier for prediction; label names come from its config."""
    model_folder.quiet()
    config = model_folder.config(folder)
    tokenizer = model_folder.tokenizer(folder)
    model_folder.check_vocabulary(folder, tokenizer, config)
    model = _from_folder(folder, config, new_head=False)
    model.train(False)
    names = {int(place): str(name) for place, name in (config.id2label or {}).items()}
    classes = [names.get(place, f"LABEL_{place}") for place in range(config.num_labels or 0)]
    limit = tokenizer.model_max_length if tokenizer.model_max_length < 1_000_000 else 512
    return Classifier(model, tokenizer, classes, model_folder.longest(config, limit))


def _scratch_config(recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> ModernBertConfig:
    """ModernBERT (Warner et al. 2024) with the mean of all tokens as the text's vector and full attention throughout.

    Norms before the blocks, rotary positions and the mean make it learn from little data where BERT's first token
    learns slowly or, with long texts, nothing.
    """
    dropout = 0.1 if recipe.hidden_dropout_prob is None else recipe.hidden_dropout_prob
    return ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden_size,
        num_hidden_layers=recipe.num_hidden_layers,
        num_attention_heads=recipe.num_attention_heads,
        intermediate_size=recipe.intermediate_size or 2 * recipe.hidden_size,
        layer_types=["full_attention"] * recipe.num_hidden_layers,
        max_position_embeddings=recipe.max_length,
        classifier_pooling="mean",
        embedding_dropout=dropout,
        attention_dropout=dropout,
        mlp_dropout=dropout,
        classifier_dropout=dropout,
        pad_token_id=tokenizer.pad_token_id,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
        bos_token_id=None,
        eos_token_id=None,
    )


def _with_classes(config: PretrainedConfig, classes: Sequence[str], recipe: Recipe) -> PretrainedConfig:
    config.id2label = dict(enumerate(classes))
    config.label2id = {name: place for place, name in enumerate(classes)}
    config.problem_type = "single_label_classification"
    config.dtype = torch.float32
    if recipe.hidden_dropout_prob is not None:
        for key in DROPOUTS:
            if hasattr(config, key):
                setattr(config, key, recipe.hidden_dropout_prob)
    return config


def _check_kind(config: PretrainedConfig, folder: Path) -> None:
    try:
        AutoModelForSequenceClassification._model_mapping[type(config)]
        known = not config.is_encoder_decoder
    except KeyError:
        known = False
    if not known:
        raise UserError(
            f"The model in “{folder}” is of the type “{config.model_type}”, which cannot be trained to classify here; "
            "choose an encoder such as BERT, RoBERTa or ModernBERT."
        )


def _from_config(config: PretrainedConfig, folder: Path) -> PreTrainedModel:
    _check_kind(config, folder)
    made: PreTrainedModel = AutoModelForSequenceClassification.from_config(config)  # type: ignore[no-untyped-call]
    return made


def _from_folder(folder: Path, config: PretrainedConfig, *, new_head: bool) -> PreTrainedModel:
    _check_kind(config, folder)
    made: PreTrainedModel
    try:
        made, told = AutoModelForSequenceClassification.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise UserError(
            f"The weights in “{folder}” cannot be loaded ({_first_line(error)}); fetch the model again."
        ) from error
    model_folder.check_weights(folder, made, told, new_head=new_head)
    return made


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
