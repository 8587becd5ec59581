"""``python -m letta``: the server, as its settings say; with arguments, the same as ``letta``.

Without arguments the command line's parser isn't loaded, whose memory a server would keep.
"""

import sys

from letta.refusal import refusing

if sys.argv[1:]:
    from letta.cli import main

    main()
else:
    with refusing():
        from letta.server.run import serve
        from letta.settings import settings

        serve(settings)
