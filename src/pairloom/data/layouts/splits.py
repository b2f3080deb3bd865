"""Which split a folder or a list belongs to, by the words that people use for splits."""

import re
from collections.abc import Collection, Sequence

SPLITS = ("train", "val", "test")

WORDS = {
    "train": ("train", "training", "trn", "trainset"),
    "val": ("val", "valid", "validation", "validate", "dev"),
    "test": ("test", "testing", "tst", "testset"),
}
"""The words for each split, in lower case."""

_SPLIT_OF = {word: split for split, words in WORDS.items() for word in words}
_TOKENS = re.compile(r"[^\W\d_]+|\d+|[\W_]+")
_ATTACHED = re.compile(
    "(" + "|".join(sorted(_SPLIT_OF, key=len, reverse=True)) + r")([A-Za-z].*)", re.IGNORECASE | re.DOTALL
)
_MEDICAL = re.compile(r"(.+[a-z])(Tr|Ts)", re.DOTALL)
"""`imagesTr`, `labelsTs`: nnU-Net and the Medical Segmentation Decathlon name their folders so."""
_FILLERS = frozenset({"set", "data", "split", "dataset"})
"""Words beside a split's that say nothing more: `train_set`."""


def split_folders(paths: Sequence[tuple[str, ...]]) -> list[tuple[str | None, tuple[str, ...]]]:
    """Find the split of each folder in its path, and what the path is without it.

    `train/images`, `images/Training`, `train_images` and `trainImages` all are (`train`, `images`). A split's word
    that is run together with another counts where the rest begins with a capital, or stands alone or after the word of
    another split as well, or the split has a folder of its own: `trainannot` beside `train`, but not `testimonials`.

    Args:
        paths: of all folders, from the data folder.

    Returns:
        For each the split (None where there is none) and the rest of its path.
    """
    components = {part for path in paths for part in path}
    attached = {part: found for part in components if (found := _attached(part)) is not None}
    splits_of: dict[str, set[str]] = {}
    for split, rest in attached.values():
        splits_of.setdefault(rest.lower(), set()).add(split)
    known = {part: split_and_rest(part) for part in components} | _abbreviated(components)
    names = {name.lower() for name in components}
    for part, (candidate, other) in attached.items():
        spoken = other[0].isupper() or {other.lower(), candidate} & names or len(splits_of[other.lower()]) > 1
        if known[part][0] is None and spoken:
            known[part] = candidate, other
    return [_of_path(path, known) for path in paths]


def split_and_rest(name: str) -> tuple[str | None, str]:
    """Find a split's word among the words of a name: (`train`, `labels`) of `train_labels`, (`val`, ``) of `Valid`."""
    if medical := _MEDICAL.fullmatch(name):
        return ("train" if medical[2] == "Tr" else "test"), medical[1]
    tokens = _TOKENS.findall(name)
    found = [(index, _SPLIT_OF[token.lower()]) for index, token in enumerate(tokens) if token.lower() in _SPLIT_OF]
    if len({split for _, split in found}) != 1:
        return None, name
    index, split = found[0]
    rest = tokens[:index] + tokens[index + 1 :]
    # `train2017`, `train_set`: nothing is left that would tell two kinds of files apart.
    if all(not token[0].isalpha() or token.lower() in _FILLERS for token in rest):
        return split, ""
    return split, re.sub(r"^[\W_]+|[\W_]+$", "", "".join(rest))


def without_split(stem: str, split: str) -> str:
    """Return a file's stem without the words for its split: `21` of `21_training`."""
    if not any(word in stem.lower() for word in WORDS[split]):
        return stem
    tokens = _TOKENS.findall(stem)
    for index, token in enumerate(tokens):
        if _SPLIT_OF.get(token.lower()) == split and len(tokens) > 1:
            # One of the two separators around it goes with it.
            near = index - 1 if index else index + 1
            return "".join(other for place, other in enumerate(tokens) if place not in (index, near))
    return stem


def _abbreviated(names: Collection[str]) -> dict[str, tuple[str | None, str]]:
    """Find folders named apart by `TR` and `TE` alone: `DUTS-TR` and `DUTS-TE`."""
    found: dict[str, tuple[str | None, str]] = {}
    for name in names:
        tokens = _TOKENS.findall(name)
        for index in (index for index, word in enumerate(tokens) if word == "TR"):
            before, after = tokens[:index], tokens[index + 1 :]
            twin = "".join([*before, "TE", *after])
            if len(tokens) > 1 and twin in names:
                rest = re.sub(r"^[\W_]+|[\W_]+$", "", "".join([*before, *after]))
                found |= {name: ("train", rest), twin: ("test", rest)}
    return found


def _attached(part: str) -> tuple[str, str] | None:
    match = _ATTACHED.fullmatch(part)
    if match is None or part.lower() in _SPLIT_OF:
        return None
    split, rest = _SPLIT_OF[match[1].lower()], match[2]
    others = (word for other, words in WORDS.items() if other != split for word in words)
    if any(rest.lower().startswith(word) and not rest[len(word) :][:1].islower() for word in others):
        return None  # `TrainVal_images` are those of both
    return split, rest


def _of_path(path: tuple[str, ...], known: dict[str, tuple[str | None, str]]) -> tuple[str | None, tuple[str, ...]]:
    split: str | None = None
    rest = []
    for part in path:
        own, other = known[part]
        if own is None or split not in (None, own):  # the outermost word decides
            rest.append(part)
            continue
        split = own
        if other:
            rest.append(other)
    return split, tuple(rest)
