"""What a row is to the head: a short dense vector, from a model's embedding or, without any model, from its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy import sparse
    from sklearn.feature_extraction.text import TfidfVectorizer

WIDTH = 256
FIT_ON = 20_000
"""Texts from which the words and the axes are taken; further texts are only placed among them."""
MOST_WORDS, MOST_PIECES = 40_000, 60_000
LONGEST = 2000
"""Characters of a text that are read: what it is about stands there, and a book would cost as much as a project."""
LEAST = 1e-9


def measures(raw: np.ndarray) -> tuple[np.ndarray, float]:
    """Of vectors [n, d], each brought to length one: their mean float32 [d], and the root mean square length of what is
    left without it.
    """
    unit = directions(raw)
    middle = unit.mean(axis=0)
    return middle, max(LEAST, float(np.sqrt(np.mean(np.sum((unit - middle) ** 2, axis=1)))))


def standard(raw: np.ndarray, middle: np.ndarray, spread: float) -> np.ndarray:
    """Vectors float [n, d] as the head learns best from them, float32: of length one, less the `middle` that all texts
    share and that so says nothing about any, then of length one on average.
    """
    return np.asarray((directions(raw) - middle) / spread, dtype=np.float32)


def directions(x: np.ndarray) -> np.ndarray:
    """The same vectors, each of length one, float32."""
    made = np.asarray(x, dtype=np.float32)
    return np.asarray(made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), LEAST), dtype=np.float32)


def of_texts(texts: Sequence[str], *, width: int = WIDTH, seed: int = 0) -> np.ndarray:
    """Vectors float32 [n, at most `width`] of texts by their words and pieces of 2 to 4 characters.

    TF-IDF, brought to few axes by a singular value decomposition (latent semantic analysis, Deerwester et al. 1990),
    so that texts without a common word may be alike and the head learns from unlabeled texts, too. The pieces do what
    words cannot: misspellings, endings, and languages without spaces.
    """
    from scipy import sparse
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not texts:
        return np.zeros((0, 1), dtype=np.float32)
    short = [text[:LONGEST] for text in texts]
    sample = short
    if len(short) > FIT_ON:
        chosen = np.random.default_rng(seed).choice(len(short), FIT_ON, replace=False)
        sample = [short[place] for place in np.sort(chosen)]
    least = 2 if len(sample) >= 50 else 1
    makers = [
        TfidfVectorizer(
            sublinear_tf=True, min_df=least, max_features=MOST_WORDS, dtype=np.float32, token_pattern=r"(?u)\b\w+\b"
        ),
        TfidfVectorizer(
            sublinear_tf=True,
            min_df=least,
            max_features=MOST_PIECES,
            dtype=np.float32,
            analyzer="char_wb",
            ngram_range=(2, 4),
        ),
    ]
    parts = [found for maker in makers if (found := _counted(maker, sample, short)) is not None]
    if not parts:
        return np.zeros((len(texts), 1), dtype=np.float32)
    counted = sparse.hstack(parts, format="csr")
    axes = min(width, counted.shape[1] - 1, counted.shape[0] - 1)
    if axes < 1:
        return np.asarray(counted.toarray(), dtype=np.float32)
    decomposition = TruncatedSVD(axes, n_iter=3, random_state=seed)
    decomposition.fit(counted if len(short) <= FIT_ON else counted[chosen])
    return np.asarray(decomposition.transform(counted), dtype=np.float32)


def _counted(maker: TfidfVectorizer, sample: Sequence[str], texts: Sequence[str]) -> sparse.csr_matrix | None:
    """The TF-IDF of `texts` by the words of `sample`; None when no word is left."""
    try:
        maker.fit(sample)
    except ValueError:  # an empty vocabulary
        return None
    return maker.transform(texts)
