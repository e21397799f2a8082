"""Makes docs/images/tour.gif from the pictures that scripts/test --browser leaves.

.venv/bin/python scripts/tour.py
"""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "tests/browser/screenshots"
SIZE = (720, 540)
CAPTION = 40
SECONDS = 3
FRAMES = {
    "chat-1-latest": "Add a chat",
    "write-2-message": "Write to it",
    "dashboard": "Put it on a dashboard",
    "create-1-form": "Start a chat by name or number",
    "automation-2-trigger": "Let a message trigger an automation",
    "ask-2-action": "Ask, and go on with the answer",
    "talk-1-assist": "Talk to Assist in a chat",
}


def frame(picture: Path, caption: str) -> Image.Image:
    """Return a picture with a caption below."""
    width, height = SIZE
    shown = Image.open(picture).convert("RGB")
    shown = shown.resize((width, shown.height * width // shown.width), Image.LANCZOS)
    result = Image.new("RGB", SIZE, shown.getpixel((0, shown.height - 1)))
    result.paste(shown)
    draw = ImageDraw.Draw(result)
    draw.rectangle((0, height - CAPTION, width, height), fill=(13, 143, 140))
    draw.text(
        (width // 2, height - CAPTION // 2),
        caption,
        font=ImageFont.load_default(20),
        fill="white",
        anchor="mm",
    )
    return result.quantize(128)


def main() -> None:
    """Write the animation, from the pictures of the last release that was looked at."""
    newest = max(PICTURES.iterdir(), key=lambda folder: folder.stat().st_mtime)
    frames = [frame(newest / f"{name}.png", text) for name, text in FRAMES.items()]
    frames[0].save(
        ROOT / "docs/images/tour.gif",
        save_all=True,
        append_images=frames[1:],
        duration=SECONDS * 1000,
        loop=0,
    )


if __name__ == "__main__":
    main()
