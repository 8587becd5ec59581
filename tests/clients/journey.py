"""What a user of the official client does, with whichever version of it is on the path. Prints what came of it.

Arguments: the server's URL, and a JSON object with the texts to send. `typescript/journey.mjs` does the same.
"""

import json
import sys
from typing import Any

import letta_client
from letta_client import Letta, NotFoundError

MODEL = "openai-proxy/gpt-4o-mini"


def main(url: str, texts: dict[str, str]) -> dict[str, Any]:
    client = Letta(base_url=url)
    agent = client.agents.create(
        name="Traveller",
        model=MODEL,
        memory_blocks=[{"label": "human", "value": "Likes tea."}, {"label": "persona", "value": "A guide."}],
        tags=["journey"],
    )
    seen: dict[str, Any] = {
        "version": letta_client.__version__,
        "health": client.health().status,
        "models": MODEL in [model.handle for model in client.models.list()],
        "retrieved": client.agents.retrieve(agent.id).name,
        "listed": [found.id == agent.id for found in client.agents.list(tags=["journey"])],
        "renamed": client.agents.update(agent.id, name="Walker").name,
    }
    answer = client.agents.messages.create(agent.id, input=texts["edit"])
    seen["edit"] = [message.message_type for message in answer.messages]
    seen["stop"] = answer.stop_reason.stop_reason
    seen["steps taken"] = answer.usage.step_count
    seen["block"] = client.agents.blocks.retrieve("human", agent_id=agent.id).value
    with client.agents.messages.create(agent.id, input=texts["steps"], streaming=True) as events:
        seen["steps"] = [event.message_type for event in events if event.message_type != "ping"]
    pieces: list[Any] = []
    with client.agents.messages.create(agent.id, input=texts["tokens"], streaming=True, stream_tokens=True) as events:
        pieces += [event for event in events if event.message_type == "assistant_message"]
    seen["in pieces"] = len(pieces) > 1
    seen["tokens"] = "".join(piece.content for piece in pieces)
    seen["history"] = [message.message_type for message in client.agents.messages.list(agent.id)]
    seen["blocks"] = sorted(block.label for block in client.agents.blocks.list(agent.id))
    seen["block updated"] = client.agents.blocks.update("human", agent_id=agent.id, value="Likes cake.").value
    block = client.blocks.create(label="extra", value="A third one.")
    client.agents.blocks.attach(block.id, agent_id=agent.id)
    seen["attached"] = client.agents.blocks.retrieve("extra", agent_id=agent.id).value
    client.blocks.delete(block.id)
    client.agents.delete(agent.id)
    try:
        client.agents.retrieve(agent.id)
    except NotFoundError as error:
        seen["deleted"] = error.status_code
    return seen


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], json.loads(sys.argv[2]))))
