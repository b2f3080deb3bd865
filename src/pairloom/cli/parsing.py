"""A parser that raises UserError, and the settings among the arguments."""

import re
from argparse import SUPPRESS, Action, ArgumentParser, HelpFormatter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from pairloom.errors import UserError, did_you_mean

LIST_OPTIONS = "--list-options"
"""Prints a command's options, a line each, for the completion in a shell; the help does not name it."""


class Parser(ArgumentParser):
    """An `ArgumentParser` that raises UserError instead of exiting.

    Args:
        command: its name; empty for the program itself.
        more: options that are taken out of the words before they are parsed, such as settings.
        details: returns what `--help-all` prints below the help; None has no such option.
        texts: `description`, `epilog` and `usage`.
    """

    def __init__(
        self, command: str, more: Iterable[str] = (), details: Callable[[], str] | None = None, **texts: str
    ) -> None:
        self._more = tuple(more)
        super().__init__(
            prog=f"pairloom {command}".strip(),
            description=texts.get("description"),
            epilog=texts.get("epilog"),
            usage=texts.get("usage"),
            allow_abbrev=False,
            formatter_class=_Formatter,
        )
        super().add_argument(LIST_OPTIONS, action=_ListOptions, more=self._more, help=SUPPRESS)
        if details:
            text = "show this, and every setting with its default"
            super().add_argument("--help-all", action=_HelpAll, details=details, help=text)

    def add_argument(self, *names: str, **options: Any) -> Action:
        """Add an option; its name may be written with hyphens or underscores."""
        spellings = [name.replace("-", "_").replace("__", "--", 1) for name in names if "-" in name.lstrip("-")]
        return super().add_argument(*names, *spellings, **options)

    def error(self, message: str) -> NoReturn:
        """Raise the message as a UserError, with the option that may have been meant."""
        unknown = re.match(r"unrecognized arguments: (--[^\s=]+)", message)
        own = (name for action in self._actions for name in action.option_strings)
        meant = did_you_mean(unknown[1], [*own, *self._more]) if unknown else ""
        raise UserError(f"{message}; {f'{meant} ' if meant else ''}see {self.prog} --help")


class _ListOptions(Action):
    """Prints all options and exits."""

    def __init__(self, *names: Any, more: Sequence[str], **options: Any) -> None:
        super().__init__(*names, **{**options, "nargs": 0})
        self._more = more

    def __call__(self, parser: ArgumentParser, *_: object) -> NoReturn:
        own = [action.option_strings[0] for action in parser._actions if action.option_strings and action is not self]
        print("\n".join(sorted({*own, *self._more, "--help"} - {"-h"})))
        parser.exit()


class _HelpAll(Action):
    """Prints the help and what is told below it, and exits."""

    def __init__(self, *names: Any, details: Callable[[], str], **options: Any) -> None:
        super().__init__(*names, **{**options, "nargs": 0})
        self._details = details

    def __call__(self, parser: ArgumentParser, *_: object) -> NoReturn:
        print(f"{parser.format_help()}\n{self._details()}", end="")
        parser.exit()


class _Formatter(HelpFormatter):
    """Keeps the line breaks of the texts."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "".join(indent + line for line in text.splitlines(keepends=True))


def split_settings(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Split arguments into settings (`--size 128`, `--model.width=32`), by full name, and the rest."""
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
                raise UserError(f"{flag} needs a value")
        settings[ALIASES.get(name, name)] = value
    return settings, rest


def flags(settings: Mapping[str, str]) -> list[str]:
    """Return settings as arguments, by full name."""
    return [f"--{name}={value}" for name, value in settings.items()]
