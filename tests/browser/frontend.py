"""Home Assistant's frontend as a person uses it: where things are, and how they look.

Its elements have other names in other releases; all of those names are here.
"""

from pathlib import Path
import re
from typing import Any

from playwright.async_api import Error, Locator, Page

PATIENCE = 60
"""Seconds that what takes a moment may take on a busy machine."""
README_PICTURES = Path(__file__).parents[2] / "docs/images"

_WIDTH, _PHONE_WIDTH = 1280, 390
_HEIGHT = 900

# What stands where a text is missing: keys, names of fields, and the errors of the
# formatter. Entities and actions have underscores too, but a point before them.
_WRONG = re.compile(
    r"formatjs|undefined|\[object|\bNaN\b"
    r"|\b(?:component|config|exceptions|issues|selector|services|ui)\.[a-z]+[._]"
    r"|(?<![\w.:/@!#-])[a-z]+(?:_[a-z]+)+(?![\w.:/@-])"
)

# Elements live in trees within trees.
_EVERY_ELEMENT = """
  function* every(root) {
    for (const element of root.querySelectorAll('*')) {
      yield element;
      if (element.shadowRoot) yield* every(element.shadowRoot);
    }
  }
"""
_LOADED = f"""() => {{
  {_EVERY_ELEMENT}
  for (const element of every(document)) {{
    if (element.localName === 'img' && !element.complete) return false;
    if (element.localName === 'ha-spinner' && element.checkVisibility()) return false;
  }}
  return true;
}}"""
# What a person could reach only by scrolling sideways. Left out is what scrolls so on
# purpose, as rows of tabs and code do, and the one selector that is too wide itself.
_BEYOND_THE_EDGE = f"""() => {{
  {_EVERY_ELEMENT}
  const scrolls = (element) => {{
    for (; element; element = element.assignedSlot ?? element.parentElement
             ?? element.getRootNode().host) {{
      const way = getComputedStyle(element).overflowX;
      if (element.localName === 'ha-selector-datetime') return true;
      if ((way === 'auto' || way === 'scroll') && element !== document.documentElement)
        return true;
    }}
    return false;
  }};
  const found = [];
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) found.push('the page');
  for (const element of every(document.body)) {{
    const shows = ['input', 'textarea'].includes(element.localName)
      || [...element.childNodes].some(
        (node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
    if (!shows || !element.checkVisibility({{ visibilityProperty: true }})) continue;
    const box = element.getBoundingClientRect();
    if (box.width && box.left < width && box.right > width + 1 && !scrolls(element))
      found.push(element.textContent.trim() || element.localName);
  }}
  return found;
}}"""


class Frontend:
    """A page of somebody who is logged in."""

    def __init__(
        self, page: Page, url: str, pictures: Path, *, for_readme: bool
    ) -> None:
        self.page = page
        self._url = url
        self._pictures = pictures
        self.for_readme = for_readme
        page.set_default_timeout(PATIENCE * 1000)

    async def open(self, path: str) -> None:
        """Go to a page, and wait until Home Assistant is there."""
        try:
            await self.page.goto(self._url + path)
        except Error as err:
            # A closing dialog goes back in the history, which cancels pending navigation.
            if "ERR_ABORTED" not in str(err):
                raise
            await self.page.goto(self._url + path)
        await self.page.wait_for_function(
            """() => {
              const hass = document.querySelector('home-assistant')?.hass;
              return hass?.connected && hass.config?.state === 'RUNNING';
            }"""
        )

    async def count_clicks(self) -> None:
        """Count clicks from now on, as long as no other page is opened."""
        await self.page.evaluate("""() => {
            window.clicks = 0;
            const count = (event) => { if (event.isTrusted) window.clicks += 1; };
            // After the driver has held back a click beside a moving target.
            document.addEventListener('pointerdown', count, true);
        }""")

    async def clicks(self) -> int:
        """Return how many clicks a person has needed."""
        clicks: int = await self.page.evaluate("window.clicks")
        return clicks

    # How it looks

    async def look(self, name: str, *, height: int = _HEIGHT, code: int = 0) -> None:
        """Check the page on a light screen and on a dark phone; keep both pictures.

        `code`: how many editors of code belong there.
        """
        editors = self.page.locator("ha-code-editor:visible")
        if code:
            await editors.nth(code - 1).wait_for()
        await self._view(_PHONE_WIDTH, height, "dark")
        await self.keep(f"{name}-phone")
        beyond = await self.page.evaluate(_BEYOND_THE_EDGE)
        assert not beyond, f"{name} is too wide for a phone: {beyond}"
        dark = "document.querySelector('home-assistant').hass.themes.darkMode"
        assert await self.page.evaluate(dark), f"{name} is not dark"
        await self._view(_WIDTH, height, "light")
        await self.keep(name)
        assert await editors.count() == code, f"{name} has no visual editor"
        wrong = [line for line in await self._lines() if _WRONG.search(line)]
        assert not wrong, f"{name} shows {wrong}"
        await self._view(_WIDTH, _HEIGHT, "light")

    async def illustrate(
        self,
        name: str,
        width: int,
        height: int,
        *,
        show: Locator | None = None,
        only: Locator | None = None,
    ) -> None:
        """Take a picture for README or docs/, if some were asked for.

        `show`: scroll to this; `only`: show nothing else.
        """
        if self.for_readme:
            await self._view(width, height, "light")
            await self.page.mouse.move(0, 0)
            if show:
                await show.scroll_into_view_if_needed()
            picture = await self._still()
            if only:
                picture = await only.screenshot(animations="disabled")
            README_PICTURES.mkdir(exist_ok=True)
            (README_PICTURES / f"{name}.png").write_bytes(picture)
            await self._view(_WIDTH, _HEIGHT, "light")

    async def keep(self, name: str) -> None:
        """Keep a picture with this run."""
        (self._pictures / f"{name}.png").write_bytes(await self._still())

    async def _view(self, width: int, height: int, scheme: Any) -> None:
        await self.page.set_viewport_size({"width": width, "height": height})
        await self.page.emulate_media(color_scheme=scheme)

    async def _still(self) -> bytes:
        """Return a picture, as soon as all is loaded and nothing moves any more."""
        await self.page.wait_for_function(_LOADED)
        picture = b""
        for _ in range(40):
            before, picture = (
                picture,
                await self.page.screenshot(animations="disabled"),
            )
            if picture == before:
                break
        return picture

    async def _lines(self) -> list[str]:
        """Return the visible texts, except those in code editors."""
        shown = await self.page.locator("body").aria_snapshot()
        code = self.page.locator("ha-code-editor:visible")
        for editor in await code.all():
            for line in (await editor.aria_snapshot()).splitlines():
                shown = shown.replace(line.strip(" -"), "")
        return [line.strip() for line in shown.splitlines() if "/url:" not in line]

    # Where things are

    def button(self, name: str) -> Locator:
        """Return a button of the page."""
        return self.page.get_by_role("button", name=name, exact=True)

    @property
    def form(self) -> Locator:
        """Return the dialog of a flow."""
        return self.page.locator("dialog-data-entry-flow")

    async def fill(self, **texts: str) -> None:
        """Fill fields of a flow by their labels, with _ for a space, and submit."""
        for label, text in texts.items():
            field = self.form.get_by_role("textbox", name=label.replace("_", " "))
            await field.fill(text)
        await self.submit()

    async def submit(self) -> None:
        """Submit the step of a flow."""
        await self.form.get_by_role("button", name="Submit").click()

    async def finish(self) -> None:
        """Close the last step of a flow."""
        button = self.form.get_by_role("button", name="finish")
        await button.click()
        await button.wait_for(state="hidden")

    # Actions

    @property
    def actions(self) -> Locator:
        """Return the tool for actions."""
        return self.page.locator("tools-action")

    def row(self, name: str) -> Locator:
        """Return the row of a field in the form of an action, trigger or condition."""
        return self.page.locator("ha-settings-row").filter(
            has=self.page.get_by_text(name, exact=True)
        )

    async def tick(self, name: str) -> Locator:
        """Tick the box of an optional field; return its row."""
        row = self.row(name)
        await row.locator("ha-checkbox").click()
        return row

    async def expand(self, section: str) -> None:
        """Open a section of a form."""
        await self.page.get_by_role("button", name=section).click()

    async def perform(self) -> None:
        """Perform the action."""
        await self.button("Perform action").click()

    async def response(self) -> str:
        """Return the response as it is shown."""
        await self.page.get_by_text("Response", exact=True).wait_for()
        editor = self.actions.locator("ha-code-editor")
        text: str = await editor.evaluate("editor => editor.value")
        return text
