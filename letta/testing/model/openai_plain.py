"""OpenAI's model list and embeddings.

Source: https://platform.openai.com/docs/api-reference/embeddings
"""

import base64
import hashlib
import json
import math
import re
from array import array
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

_WORD = re.compile(r"\w+")
_DEFAULT_DIMENSIONS = 1536

DEFAULT_MODELS = (
    "gpt-4o-mini",
    "gpt-4o",
    "gpt-4.1",
    "gpt-4.1-mini",
    "text-embedding-3-small",
    "text-embedding-3-large",
    "text-embedding-ada-002",
)


def model_list(models: Sequence[str | Mapping[str, object]]) -> dict[str, object]:
    """The answer to GET /models; a mapping adds to, or replaces, the fields OpenAI sends."""
    return {"object": "list", "data": [_model(m) for m in models]}


def _model(model: str | Mapping[str, object]) -> dict[str, object]:
    own = {"id": model} if isinstance(model, str) else dict(model)
    return {"object": "model", "created": 1, "owned_by": "scripted", **own}


def embeddings(body: Any) -> dict[str, object]:
    """The answer to POST /embeddings: texts that share words lie near each other."""
    given = body.get("input", "")
    texts = [given] if isinstance(given, str) else list(given)
    dimensions = body.get("dimensions") or _DEFAULT_DIMENSIONS
    as_base64 = body.get("encoding_format") == "base64"
    vectors = [embed(text if isinstance(text, str) else json.dumps(text), dimensions) for text in texts]
    tokens = sum(len(str(text)) // 4 + 1 for text in texts)
    return {
        "object": "list",
        "model": body.get("model"),
        "data": [
            {"object": "embedding", "index": i, "embedding": _base64(v) if as_base64 else list(v)}
            for i, v in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


@lru_cache(maxsize=512)
def embed(text: str, dimensions: int) -> tuple[float, ...]:
    """A unit vector made of the words of the text, the same in every process."""
    vector = [0.0] * dimensions
    for word in _WORD.findall(text.lower()) or [""]:
        digest = hashlib.sha256(word.encode()).digest()
        for start in range(0, 8, 2):
            vector[int.from_bytes(digest[start : start + 2]) % dimensions] += 1.0
    length = math.sqrt(sum(x * x for x in vector))
    return tuple(x / length for x in vector)


def _base64(vector: Sequence[float]) -> str:
    return base64.b64encode(array("f", vector).tobytes()).decode()
