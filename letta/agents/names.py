"""Names of agents: which are allowed, and made-up ones."""

import re
import secrets

NAME_PATTERN = r"^[\w '\-]+$"
"""Letters and digits of any language, underscore, space, apostrophe, hyphen: safe as part of a file's name."""

NAME_MAX_LENGTH = 255

_ADJECTIVES = """
    Amber Ample Brave Bright Brisk Calm Candid Careful Cheerful Clear Clever Cosy Curious Daring Deft Eager Earnest
    Fair Fearless Fond Frank Gentle Glad Golden Graceful Hardy Honest Hopeful Humble Jolly Keen Kindly Lively Loyal
    Lucid Mellow Merry Mindful Modest Nimble Noble Patient Plucky Polite Prudent Quick Quiet Ready Robust Serene
    Sharp Silver Sincere Snug Spry Steady Sturdy Sunny Swift Tidy Trusty Upbeat Vivid Warm Wise Witty Zesty
"""

_NOUNS = """
    Acorn Alder Badger Beacon Birch Brook Cedar Clover Comet Compass Coral Crane Cricket Dolphin Dove Ember Falcon
    Fern Finch Fjord Fox Gull Harbor Hazel Heron Ibis Iris Jay Juniper Kestrel Kite Lantern Lark Laurel Linden Lynx
    Magpie Maple Marten Meadow Mole Moss Newt Oak Orchid Osprey Otter Owl Pebble Pine Plover Poplar Quail Quartz
    Raven Reed Robin Rowan Sage Seal Sparrow Spruce Starling Stork Swallow Thistle Thrush Walnut Willow Wren
"""


def check_name(name: str) -> str:
    """The name, if an agent may have it.

    Raises:
        ValueError: it may not.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise ValueError(
            f"{name!r} is not a valid agent name; use only letters, digits, spaces, hyphens, underscores and "
            "apostrophes"
        )
    return name


def random_name() -> str:
    """A name for an agent that was given none, such as ``CuriousHeron``."""
    return secrets.choice(_ADJECTIVES.split()) + secrets.choice(_NOUNS.split())
