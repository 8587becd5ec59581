"""What people who can't see, or use a mouse, or whose screen is small, would stumble over in a page; found by axe."""

from playwright.sync_api import Page

_AXE = """async (only) => (await axe.run(document, {
    resultTypes: ['violations'], ...(only ? {runOnly: {type: 'rule', values: only}} : {}),
})).violations
    .filter((found) => ['serious', 'critical'].includes(found.impact))
    .map((found) => `${found.id}: ${found.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`)"""
_COUNT = """
    if (!("asking" in window)) {
        window.asking = 0;
        const fetchIt = window.fetch;
        window.fetch = (...given) => {
            window.asking++;
            return fetchIt(...given).finally(() => window.asking--);
        };
    }
"""
_IS_DRAWN = """async () => {
    for (let frame = 0; frame < 3; frame++) {
        if (window.asking || document.querySelector("#main .waiting")) return false;
        await new Promise(requestAnimationFrame);
    }
    return true;
}"""


def prepare(page: Page, axe: str) -> None:
    """Open the console anew, with axe in it."""
    page.add_init_script(_COUNT)
    page.goto("/v1/health")
    page.goto("/")
    page.evaluate(axe)


def wait_until_drawn(page: Page) -> None:
    """Wait until nothing is being fetched, and what was fetched is shown."""
    page.wait_for_function(_IS_DRAWN)


def barriers(page: Page, view: str) -> dict[str, list[str]]:
    """What is wrong with what is shown. Colours are looked at in both schemes, all else at both widths."""
    found = {}
    for width, scheme, rules in ((1280, "light", None), (1280, "dark", ["color-contrast"]), (390, "dark", None)):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
        wait_until_drawn(page)
        problems = page.evaluate(_AXE, rules)
        if wider := page.evaluate("Math.max(0, document.documentElement.scrollWidth - innerWidth)"):
            problems.append(f"It is {wider} pixels wider than the screen.")
        if problems:
            found[f"{view}, {scheme}, {width}"] = problems
    return found
