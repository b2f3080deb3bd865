"""What the commands share: a parser whose complaints are UserErrors, and the settings among the words."""

from argparse import Action, ArgumentParser, HelpFormatter
from collections.abc import Mapping
from typing import Any, NoReturn

from pairloom.errors import UserError


class Parser(ArgumentParser):
    """Raises UserError where argparse would print its usage and leave."""

    def __init__(self, command: str, **texts: str) -> None:
        super().__init__(
            prog=f"pairloom {command}".strip(),
            description=texts.get("description"),
            epilog=texts.get("epilog"),
            usage=texts.get("usage"),
            allow_abbrev=False,
            formatter_class=_Formatter,
        )

    def add_argument(self, *names: str, **options: Any) -> Action:
        """Add an option; hyphens and underscores in its name are both taken."""
        spellings = [name.replace("-", "_").replace("__", "--", 1) for name in names if "-" in name.lstrip("-")]
        return super().add_argument(*names, *spellings, **options)

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong with the words as a UserError."""
        raise UserError(f"{message}; see {self.prog} --help")


class _Formatter(HelpFormatter):
    """Keeps the line breaks of the texts."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "".join(indent + line for line in text.splitlines(keepends=True))


def split_settings(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Split words into settings (`--size 128`, `--model.width=32`), by full name, and the rest."""
    from pairloom.settings import ALIASES

    settings: dict[str, str] = {}
    rest: list[str] = []
    remaining = iter(words)
    for word in remaining:
        flag, equals, value = word.partition("=")
        name = flag.removeprefix("--").replace("-", "_")
        if not flag.startswith("--") or (name not in ALIASES and "." not in name):
            rest.append(word)
            continue
        if not equals:
            value = next(remaining, "--")
            if value.startswith("--"):
                raise UserError(f"{flag} is given without a value")
        settings[ALIASES.get(name, name)] = value
    return settings, rest


def flags(settings: Mapping[str, str]) -> list[str]:
    """Return settings as words again, by full name."""
    return [f"--{name}={value}" for name, value in settings.items()]
