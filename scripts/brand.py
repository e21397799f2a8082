"""Draws custom_components/beeper/brand/: a house that speaks, and is answered once.

.venv/bin/python scripts/brand.py
"""

from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFont

type Points = list[tuple[float, float]]

BRAND = Path(__file__).parents[1] / "custom_components/beeper/brand"
SIZE = 512
DETAIL = 4  # drawn so many times larger, then reduced: that makes the edges smooth

# In the middle between black and white, to stand out on either.
HOUSE = ((22, 176, 152), (10, 124, 134))
ANSWER = ((255, 158, 92), (245, 112, 74))
WHITE = ((255, 255, 255), (255, 255, 255))
NAME = (13, 143, 140)


def blank() -> Image.Image:
    """Return a mask with nothing in it."""
    return Image.new("L", (SIZE * DETAIL, SIZE * DETAIL))


def stroke(mask: Image.Image, points: Points, width: float) -> None:
    """Draw a line with round ends and corners."""
    draw = ImageDraw.Draw(mask)
    scaled = [(x * DETAIL, y * DETAIL) for x, y in points]
    draw.line(scaled, 255, round(width * DETAIL))
    radius = width * DETAIL / 2
    for x, y in scaled:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), 255)


def shape(points: Points, radius: float) -> Image.Image:
    """Return a filled polygon, its corners rounded outwards."""
    mask = blank()
    ImageDraw.Draw(mask).polygon([(x * DETAIL, y * DETAIL) for x, y in points], 255)
    stroke(mask, [*points, points[0]], 2 * radius)
    return mask


def paint(
    image: Image.Image, mask: Image.Image, colours: tuple[tuple[int, ...], ...]
) -> None:
    """Colour what the mask shows, from the first colour at the top to the second."""
    shade = Image.linear_gradient("L").resize(image.size)
    first, second = (
        Image.new("RGBA", image.size, (*colour, 255)) for colour in colours
    )
    image.paste(Image.composite(second, first, shade), mask=mask)


def icon() -> Image.Image:
    """Return the icon, as large as it is drawn."""
    roof: Points = [(44, 214), (214, 58), (384, 214)]
    walls: Points = [(84, 200), (344, 200), (344, 346), (172, 346), (84, 418)]
    answer: Points = [(300, 294), (456, 294), (456, 448), (392, 392), (300, 392)]
    image = Image.new("RGBA", (SIZE * DETAIL, SIZE * DETAIL))
    # A gap around the answer, so that both stand out on any background.
    house = ImageChops.lighter(shape(roof, 30), shape(walls, 30))
    paint(image, ImageChops.subtract(house, shape(answer, 50)), HOUSE)
    paint(image, shape(answer, 30), ANSWER)
    glyphs = blank()
    for x in (138, 214, 290):
        stroke(glyphs, [(x, 202)], 44)
    stroke(glyphs, [(334, 344), (364, 374), (420, 314)], 26)
    paint(image, glyphs, WHITE)
    image = image.crop(image.getbbox())
    side = max(image.size)
    square = Image.new("RGBA", (side, side))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def logo(mark: Image.Image) -> Image.Image:
    """Return the icon with the name beside it."""
    font = ImageFont.load_default(mark.height * 0.62)
    bold = mark.height // 80
    left, top, right, bottom = font.getbbox("Beeper", stroke_width=bold)
    gap = mark.height // 10
    image = Image.new("RGBA", (mark.width + gap + round(right - left), mark.height))
    image.paste(mark)
    ImageDraw.Draw(image).text(
        (mark.width + gap - left, mark.height * 0.47 - (top + bottom) / 2),
        "Beeper",
        NAME,
        font,
        stroke_width=bold,
    )
    return image


def main() -> None:
    """Write every size that Home Assistant asks for."""
    BRAND.mkdir(exist_ok=True)
    mark = icon()
    for name, image, height in (("icon", mark, 256), ("logo", logo(mark), 128)):
        for suffix, factor in (("", 1), ("@2x", 2)):
            size = (
                round(image.width / image.height * height * factor),
                height * factor,
            )
            image.resize(size, Image.Resampling.LANCZOS).save(
                BRAND / f"{name}{suffix}.png", optimize=True
            )


if __name__ == "__main__":
    main()
