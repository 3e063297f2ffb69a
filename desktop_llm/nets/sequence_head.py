"""What learners of whole texts share: an encoder with a head, its tokenizer, and the way texts pass through both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from desktop_llm.errors import UserError
from desktop_llm.jobs.prediction import Prediction
from desktop_llm.nets import compact_embedding, tokens
from desktop_llm.nets.learner import Batch, Report, Row
from desktop_llm.nets.sequence_model import Parts
from desktop_llm.nets.tokens import Target, TokenRows

TOP = 5
EMBEDDING_SUFFIX = ".weight"


class SequenceHead(ABC):
    """A learner without its target: each task says what a label is, how far off an answer is, and what is answered.

    `classes` are the label names in the order of the model's outputs.
    """

    def __init__(self, parts: Parts, label_smoothing: float = 0.0) -> None:
        """Put the parts together."""
        self.model = parts.model
        self.classes = parts.classes
        self._tokenizer, self._max_length = parts.tokenizer, parts.max_length
        self._smoothing = label_smoothing
        self._numbers = {name: place for place, name in enumerate(self.classes)}
        self._compact: compact_embedding.CompactEmbedding | None = None
        pad = parts.tokenizer.pad_token_id
        self._pad = int(pad) if isinstance(pad, int) else 0

    def target(self, label: Any) -> Target:
        """A label in names, or None, as a number; −1 for none and for one that the model does not know."""
        return self._numbers.get(str(label), -1)

    @abstractmethod
    def loss_of(self, logits: torch.Tensor, targets: torch.Tensor, smoothing: float) -> torch.Tensor:
        """The mean loss of logits float32 [b, classes] against `targets` as `target` made them, [b] or [b, …]."""

    @abstractmethod
    def predictions(self, outputs: torch.Tensor) -> list[Prediction]:
        """Logits float32 [n, classes] to answers."""

    def encode(self, rows: Iterable[Row], report: Report) -> TokenRows:
        """Texts to token ids and labels to targets."""
        pairs = ((str(row["text"]), self.target(row.get("label"))) for row in rows)
        return tokens.encode(self._tokenizer, pairs, self._max_length, report)

    def narrow(self, examples: Sequence[TokenRows]) -> None:
        """Train only the word embeddings that the run's texts use; exact, see `nets.compact_embedding`."""
        self._compact = compact_embedding.compact(self.model, [one.ids for one in examples], [self._pad])

    def collate(self, examples: TokenRows, indices: Sequence[int]) -> Batch:
        """A padded batch: input_ids, labels, and attention_mask where something is padded."""
        return tokens.pad(examples, indices, self._pad)

    def loss(self, batch: Batch) -> torch.Tensor:
        """The mean loss of a batch, with label smoothing as in the recipe."""
        return self.loss_of(self._logits(batch), batch["labels"], self._smoothing)

    def outputs(self, batch: Batch) -> torch.Tensor:
        """Logits float32 [b, classes] on the CPU."""
        with torch.inference_mode():
            return self._logits(batch).cpu()

    def mean_loss(self, outputs: torch.Tensor, examples: TokenRows) -> float:
        """The mean loss (without smoothing) of the examples that have a label; 0 when none has."""
        targets = torch.from_numpy(examples.targets)
        known = (targets if targets.ndim == 1 else targets.amin(dim=-1)) >= 0
        if not bool(known.any()):
            return 0.0
        return float(self.loss_of(outputs[known], targets[known], 0.0))

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
