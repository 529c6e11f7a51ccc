"""The pen: shapes as text, colours by Grafana's names."""

from xml.sax.saxutils import escape

BACK, PANEL, EDGE, INK, FAINT, GRID = "#111217", "#181b1f", "#25282d", "#d8d9da", "#8e9096", "#2a2d33"
COLORS = {"green": "#73bf69", "yellow": "#fade2a", "red": "#f2495c", "blue": "#5794f2", "orange": "#ff9830", "purple": "#b877d9",
          "gray": "#808080", "light-blue": "#8ab8ff", "dark-orange": "#fa6400", "dark-red": "#c4162a"}
PALETTE = ["#73bf69", "#fade2a", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#37c2b0", "#e5a8e2", "#8ab8ff", "#c0d8a8", "#d68f5f",
           "#96a0ab"]


def color(name: str) -> str:
    return COLORS.get(name, name)


class Pen:
    """Collects shapes; all coordinates have one digit behind the point."""

    def __init__(self):
        self.parts: list[str] = []

    def rect(self, x, y, w, h, fill, **more):
        self.add("rect", x=x, y=y, width=w, height=h, fill=fill, **more)

    def line(self, x1, y1, x2, y2, stroke, **more):
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, **more)

    def path(self, d, **more):
        self.add("path", d=d, **more)

    def text(self, x, y, words, size=12, fill=INK, anchor="start", **more):
        attributes = self.attributes(x=x, y=y, font_size=size, fill=fill, text_anchor=anchor, **more)
        self.parts.append(f"<text {attributes}>{escape(words)}</text>")

    def add(self, name, **attributes):
        self.parts.append(f"<{name} {self.attributes(**attributes)}/>")

    @staticmethod
    def attributes(**attributes) -> str:
        texts = {k.replace("_", "-"): f"{v:.1f}".rstrip("0").rstrip(".") if isinstance(v, float) else str(v) for k, v in attributes.items()}
        return " ".join(f'{k}="{escape(v, {chr(34): "&quot;"})}"' for k, v in texts.items())

    def document(self, width: int, height: int) -> str:
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
                f'font-family="Inter, Helvetica, Arial, sans-serif">')
        return "\n".join([head, f'<rect width="{width}" height="{height}" fill="{BACK}"/>', *self.parts, "</svg>"]) + "\n"


def course(points: list[tuple[float, float]], closed_at: list[tuple[float, float]] | None = None) -> str:
    """A polyline; with a second edge the area between both."""
    def run(some):
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in some)
    text = f"M{run(points)}"
    return f"{text} L{run(reversed(closed_at))}Z" if closed_at else text


def cut(words: str, room: float, size: float) -> str:
    most = max(1, int(room / (size * 0.56)))
    return words if len(words) <= most else words[: most - 1] + "…"
