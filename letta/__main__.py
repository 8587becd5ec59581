"""``python -m letta``: the server, as its settings say.

The same as ``letta server``, but for the command line's parser, whose memory a server would keep.
"""

from letta.refusal import refusing

with refusing():
    from letta.server.run import serve
    from letta.settings import settings

    serve(settings)
