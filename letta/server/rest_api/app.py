"""The HTTP application under the name by which scripts have always imported it."""

from letta.http.app import create_app
from letta.settings import settings

app = create_app(settings)
